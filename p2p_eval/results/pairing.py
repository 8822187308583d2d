"""Give every image of an experiment its label map: by Cityscapes name, by number, or by stem."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fcn.errors import shown
from fcn.labels import LabelSet
from p2p_eval.errors import InputError
from p2p_eval.folders import check_name, natural_key, walk
from p2p_eval.results.cityscapes import CityscapesFrame, frames, splits
from p2p_eval.results.colors import (
    MAX_FAR_SHARE,
    MAX_FAR_SHARE_OF_ONE,
    decode_colors,
    read_decoded,
)
from p2p_eval.results.direction import Direction, painted_labels, real_photo
from p2p_eval.results.images import ImageRef, read_label_ids, read_rgb
from p2p_eval.results.layouts import SCORE_FOLDERS, Experiment, Item
from p2p_eval.results.numbering import Verdict, verify_numbering
from p2p_eval.results.sampling import spread

__all__ = ["Frame", "Pairing", "pair", "read_label"]

# What stands after the id in names of results and labels; the first that fits is removed.
ID_ENDINGS = ("_leftImg8bit", "_gtFine_labelIds", "_gtFine_color")
LABEL_ENDINGS = ("_gtFine_labelIds", "_labelIds", "_L")
NOT_LABEL_IDS = ("_color", "_instanceIds", "_labelTrainIds", "_leftImg8bit")
NUMBER = re.compile(r"([0-9]{1,9})(_[AB])?")
CHECKED_COLORS = 16
SHOW_LABELS: dict[Direction, str] = {"labels-to-photo": "input", "photo-to-labels": "real"}
NOTHING_SHOWS_LABELS: dict[Direction, tuple[str, str]] = {
    "labels-to-photo": ("generated images only", ""),
    "photo-to-labels": (
        "no real label images beside the generated ones", ", or real label images by --real"
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """One image to score and its label map: a file of ids, or an image of label colours."""

    id: str
    image: ImageRef
    label: Path | ImageRef


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which label map belongs to which image of an experiment.

    ``unmatched_images`` are ids of images without a label, ``unmatched_labels`` ids of labels
    without an image; ``how`` says in a sentence how the pairs were found. Scores whose
    ``label_kind`` differs are never comparable, nor are those whose ``direction`` does.
    """

    experiment: Experiment
    frames: tuple[Frame, ...]
    unmatched_images: tuple[str, ...]
    unmatched_labels: tuple[str, ...]
    how: str
    label_kind: Literal["files", "decoded"]
    direction: Direction = "labels-to-photo"


def pair(
    experiment: Experiment,
    *,
    cityscapes: Path | None = None,
    labels: Path | None = None,
    label_set: LabelSet,
    split: str | None = None,
    workers: int | None = None,
    direction: Direction = "labels-to-photo",
) -> Pairing:
    """Pair the images of an experiment with label maps.

    Args:
        experiment: As :func:`p2p_eval.results.layouts.find_experiments` gives it.
        cityscapes: The original Cityscapes tree. Images named as its frames are paired by name,
            numbered ones by their place in its sorted order, verified by content.
        labels: Else a folder of label maps, named as the images.
        label_set: What colours mean. With neither tree nor folder, the labels are decoded from
            the colours of the images that show them: the inputs, or, of a photo→labels run, the
            real images (targets).
        split: The split of the tree; by default the one that names match, or ``val``.
        workers: Threads that decode; the number of cores by default.
        direction: What the generated images are: photos, or painted labels.

    Raises:
        InputError: Nothing matches, the numbering cannot be verified, or the images that should
            show the labels are not painted in the label set's colours.
    """
    if cityscapes is not None and labels is not None:
        raise InputError("got both --cityscapes and --labels, expected one of them; leave one out")
    if cityscapes is not None:
        root = Path(cityscapes)
        pairing = _pair_cityscapes(experiment, root, label_set, split, workers, direction)
    elif labels is not None:
        pairing = _pair_stems(experiment, Path(labels))
    else:
        pairing = _pair_decoded(experiment, label_set, direction)
    return replace(pairing, direction=direction)


def read_label(frame: Frame, label_set: LabelSet) -> NDArray[np.uint8]:
    """Read a frame's label ids, uint8 ``(H, W)``, from its file or from its colours.

    Raises:
        InputError: As :func:`p2p_eval.results.images.read_label_ids` or
            :func:`p2p_eval.results.colors.read_decoded`.
    """
    if isinstance(frame.label, ImageRef):
        return read_decoded(frame.label, label_set)
    return read_label_ids(frame.label)


def _pair_cityscapes(
    experiment: Experiment,
    root: Path,
    label_set: LabelSet,
    split: str | None,
    workers: int | None,
    direction: Direction,
) -> Pairing:
    candidates = [split] if split is not None else splits(root)
    if not candidates:
        raise InputError(
            f"{root}: got no label map in gtFine, expected gtFine/<split>/<city>/"
            "*_gtFine_labelIds.png; unpack gtFine_trainvaltest.zip there"
        )
    images = _images_by_id(experiment)
    by_split = {name: frames(root, name) for name in candidates}
    matches = {name: sum(frame.id in images for frame in found) for name, found in by_split.items()}
    best = max(candidates, key=lambda name: (matches[name], name == "val"))
    if matches[best]:
        return _by_key(
            experiment,
            images,
            {frame.id: frame.label for frame in by_split[best]},
            f"by Cityscapes name with gtFine/{shown(best)}",
        )
    numbers = _numbers(experiment)
    if numbers is not None:
        verdict = verify_numbering(
            experiment, by_split[best], numbers, label_set, workers, direction
        )
        return _pair_numbers(experiment, by_split[best], numbers, best, verdict)
    raise _no_match(
        experiment, images, (frame.id for frame in by_split[best]), f"{root}/gtFine/{best}"
    )


def _pair_numbers(
    experiment: Experiment,
    order: list[CityscapesFrame],
    numbers: dict[int, int],
    split: str,
    verdict: Verdict,
) -> Pairing:
    pairs, unmatched_images, used = [], [], set()
    for number, place in sorted(numbers.items()):
        item, index = experiment.items[place], number + verdict.offset
        if 0 <= index < len(order):
            pairs.append(Frame(order[index].id, item.output, order[index].label))
            used.add(index)
        else:
            unmatched_images.append(item.id)
    return Pairing(
        experiment,
        tuple(pairs),
        tuple(unmatched_images),
        tuple(frame.id for index, frame in enumerate(order) if index not in used),
        f"by number with gtFine/{shown(split)} in sorted order, counted from {-verdict.offset}; "
        f"verified by content: {verdict.evidence}",
        "files",
    )


def _pair_stems(experiment: Experiment, folder: Path) -> Pairing:
    found: dict[str, Path] = {}
    for listing in walk(folder, skip=SCORE_FOLDERS):
        for name in listing.images:
            stem = name.rpartition(".")[0]
            if stem.endswith(NOT_LABEL_IDS):
                continue
            check_name(name, listing.path)
            identity = _without(stem, LABEL_ENDINGS)
            if identity in found:
                raise InputError(
                    f"{listing.path / name}: got a second label map for {identity!r} besides "
                    f"{found[identity]}, expected one; remove one"
                )
            found[identity] = listing.path / name
    if not found:
        raise InputError(
            f"{folder}: got no label map, expected PNGs of label ids named as the images "
            "(<id>.png, <id>_gtFine_labelIds.png, <id>_labelIds.png or <id>_L.png)"
        )
    images = _images_by_id(experiment)
    if not images.keys() & found.keys():
        raise _no_match(experiment, images, found, str(folder))
    how = f"by name with the label maps in {shown(folder.name)}"
    return _by_key(experiment, images, found, how)


def _pair_decoded(experiment: Experiment, label_set: LabelSet, direction: Direction) -> Pairing:
    what = SHOW_LABELS[direction]
    painted = {item.id: painted_labels(item, direction) for item in experiment.items}
    usable = [item for item in experiment.items if painted[item.id] is not None]
    if not usable:
        got, else_give = NOTHING_SHOWS_LABELS[direction]
        raise InputError(
            f"{experiment.folder}: got {got}, expected label maps for them; give --cityscapes (the "
            f"original tree) or --labels (a folder of label ids){else_give}"
        )
    share = _far_share([painted[item.id] for item in usable], label_set)
    if share > MAX_FAR_SHARE:
        raise InputError(
            f"{experiment.folder}: {share:.0%} of the {what} images' pixels have no colour of the "
            f"label set {label_set.name}, expected at most {MAX_FAR_SHARE:.0%}; "
            f"{_other_images(experiment, usable, label_set, direction)}give the --label-set they "
            "were painted with, or label maps by --labels or --cityscapes"
        )
    frames = [(item, painted[item.id]) for item in experiment.items]
    return Pairing(
        experiment,
        tuple(Frame(item.id, item.output, label) for item, label in frames if label is not None),
        tuple(item.id for item, label in frames if label is None),
        experiment.missing_outputs,
        f"labels decoded from the {what} images' colours ({label_set.name}, nearest in RGB; "
        f"{share:.0%} of the pixels are further than 30 from any): a protocol of its own, not "
        "comparable with scores against label files",
        "decoded",
    )


def _far_share(images: Sequence[ImageRef | None], label_set: LabelSet) -> float:
    """Mean share of pixels far from every label colour, in images spread over all."""
    sampled = [images[place] for place in spread(len(images), CHECKED_COLORS)]
    shares = [decode_colors(read_rgb(i), label_set).far_share for i in sampled if i is not None]
    return float(np.mean(shares))


def _other_images(
    experiment: Experiment, usable: Sequence[Item], label_set: LabelSet, direction: Direction
) -> str:
    """What to do where images of another role are painted in the label colours."""
    others = [photo for item in usable if (photo := real_photo(item, direction)) is not None]
    if others and _far_share(others, label_set) <= MAX_FAR_SHARE:
        return {
            "labels-to-photo": "the real images have them: a photo→labels run is for seg-score; ",
            "photo-to-labels": "the input images have them: a labels→photo run is for fcn-score; ",
        }[direction]
    output = decode_colors(read_rgb(usable[0].output), label_set)
    if output.far_share <= MAX_FAR_SHARE_OF_ONE and experiment.layout.startswith("side"):
        return (
            f"the generated images have them, so try --layout {_other_way(experiment.layout)}, or "
            "seg-score if it is a photo→labels run; "
        )
    return ""


def _other_way(layout: str) -> str:
    return "side-by-side" if layout.endswith(":BA") else "side-by-side:BA"


def _by_key(
    experiment: Experiment, images: dict[str, ImageRef], labels: dict[str, Path], how: str
) -> Pairing:
    common = sorted(images.keys() & labels.keys(), key=natural_key)
    return Pairing(
        experiment,
        tuple(Frame(key, images[key], labels[key]) for key in common),
        tuple(sorted(images.keys() - labels.keys(), key=natural_key)),
        tuple(sorted(labels.keys() - images.keys(), key=natural_key)),
        how,
        "files",
    )


def _images_by_id(experiment: Experiment) -> dict[str, ImageRef]:
    images: dict[str, ImageRef] = {}
    for item in experiment.items:
        identity = _without(item.id, ID_ENDINGS)
        if identity in images:
            raise InputError(
                f"{experiment.folder}: got two images of {identity!r}, {images[identity]} and "
                f"{item.output}, expected one; remove one"
            )
        images[identity] = item.output
    return images


def _numbers(experiment: Experiment) -> dict[int, int] | None:
    """Numbers to places among the items, or None when the names are no numbers."""
    numbers: dict[int, int] = {}
    for place, item in enumerate(experiment.items):
        match = NUMBER.fullmatch(item.id)
        if match is None:
            return None
        number = int(match[1])
        if number in numbers:
            raise InputError(
                f"{experiment.folder}: got two images of number {number}, "
                f"{experiment.items[numbers[number]].id} and {item.id}; remove one"
            )
        numbers[number] = place
    return numbers


def _without(stem: str, endings: tuple[str, ...]) -> str:
    for ending in endings:
        if stem.endswith(ending) and stem != ending:
            return stem.removesuffix(ending)
    return stem


def _no_match(
    experiment: Experiment, images: Iterable[str], labels: Iterable[str], where: str
) -> InputError:
    got = sorted(images, key=natural_key)
    expected = sorted(labels, key=natural_key)
    lower = {name.lower(): name for name in expected}
    if got[0].lower() in lower:
        return InputError(
            f"{experiment.folder}: none of the {len(got)} images has the name of a label in "
            f"{where}: {got[0]} and {lower[got[0].lower()]} differ in upper and lower case only; "
            "rename the images as the labels are"
        )
    near = difflib.get_close_matches(got[0], expected[:2000], n=2, cutoff=0.5) or expected[:2]
    return InputError(
        f"{experiment.folder}: none of the {len(got)} images has the name of a label in {where}: "
        f"got {', '.join(got[:3])}, expected names such as {', '.join(near)} (for Cityscapes "
        "<city>_<seq>_<frame>_leftImg8bit.png, or numbers as the data preparation gives); rename "
        "the images, or give the labels of these images"
    )
