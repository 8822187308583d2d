"""The images of a study: all of one size and one encoding, under names that say nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from p2p_eval.errors import InputError
from p2p_eval.results.images import ImageRef, read_rgb
from p2p_eval.scores.store import write_atomic
from p2p_eval.scoring.pairs import Pairs
from p2p_eval.study.design import image_sources
from p2p_eval.study.plan import IMAGES, PLAN, Plan, read_plan, write_plan

__all__ = ["encode", "write_study"]


def write_study(
    folder: Path,
    plan: Plan,
    experiments: Sequence[Pairs],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the images of a plan, ``images/<token>.png``, and then ``plan.json``.

    Where the same plan lies in the folder already, nothing is written.

    Args:
        folder: Of the study; made if it is missing.
        plan: As :func:`p2p_eval.study.design.design` drew it.
        experiments: What it was drawn from.
        progress: Called with images done and images in total.

    Raises:
        InputError: An image cannot be read, or another plan lies in the folder, to which there
            may be answers.
        StoreError: A file could not be written, or the plan in the folder is damaged.
    """
    if (folder / PLAN).exists():
        if read_plan(folder).hash == plan.hash:
            return
        raise InputError(
            f"{folder}: got the plan of another study (other images, seed or options), expected "
            f"this one or none, as answers could refer to it; choose another --out, or give "
            f"{folder} itself instead of results (study export: by --study)"
        )
    sources = image_sources(experiments)
    # In the order of tokens, so that times of files say nothing either.
    for done, (token, name) in enumerate(sorted(plan.images.items()), 1):
        write_atomic(folder / IMAGES / f"{token}.png", encode(sources[name], plan.size))
        if progress is not None:
            progress(done, len(plan.images))
    write_plan(folder, plan)


def encode(image: ImageRef, size: int) -> bytes:
    """Decode an image and encode it as an RGB PNG of ``size`` x ``size``, without metadata.

    It is resized by Pillow's bicubic filter, unless it has that size. Nothing is compressed: of a
    blurred image less would be left than of a sharp one, and the length of an answer to a browser
    would tell which one was generated. So all files of one size have the same length.

    Raises:
        InputError: The image cannot be read.
    """
    picture = Image.fromarray(read_rgb(image))
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    data = io.BytesIO()
    picture.save(data, "PNG", compress_level=0)
    return data.getvalue()
