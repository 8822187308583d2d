"""The values of an experiment's pairs: stored ones reused, the others measured."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

import PIL
import torch
from torch import Tensor

from p2p_eval import __version__
from p2p_eval.errors import InputError
from p2p_eval.metrics.gray import gray
from p2p_eval.metrics.metric import Features, ImageFeatures, Metric
from p2p_eval.results.images import probe
from p2p_eval.scores.feature_cache import FeatureCache
from p2p_eval.scores.journal import Journal, Values, read_values
from p2p_eval.scores.store import remove, remove_leftovers
from p2p_eval.scores.values_file import ValueRows, read_metric_values
from p2p_eval.scoring.loaded import Loaded, load
from p2p_eval.scoring.measured_rows import MeasuredRows
from p2p_eval.scoring.pairs import ImagePair
from p2p_eval.threads import ahead, arithmetic

__all__ = ["JOURNAL", "VALUES", "Measured", "Measuring", "measure_pairs"]

VALUES = "values.json"
JOURNAL = "journal.jsonl"

MOST_PAIRS, MOST_PIXELS = 16, 1 << 19
"""Small pairs that a worker takes at a time, and pixels of their real images."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """How pairs are measured.

    Attributes:
        metrics: By signature, which names everything that their values depend on.
        device: Where.
        cache: Of what was computed of real images.
        out: Folder of all score files; paths are kept relative to it.
        workers: Threads, each with some small pairs or one large one at a time; the number of cores
            by default.
        fresh: Use nothing that earlier runs left.
        keep_going: Leave out images that cannot be used, instead of raising.
    """

    metrics: Mapping[str, Metric]
    device: torch.device
    cache: FeatureCache
    out: Path
    workers: int | None = None
    fresh: bool = False
    keep_going: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """The pairs that were measured, in order, and those that were left out with the reason."""

    rows: ValueRows
    jpegs: int
    left_out: tuple[str, ...]


@dataclass(slots=True)
class _Work:
    """One pair on its way: its values by signature, or why there are none.

    Attributes:
        pair: What is measured.
        sha256: Of the files of output, target and, where there is one, input.
        jpeg: Whether the output is a JPEG.
        key: Of the contents of output and target.
        content: Of the target.
        known: What earlier runs measured.
        new: What this one does.
        pixels: Those of output and target while something is to be measured, or else none.
        kept: Features of the target that earlier runs kept, by signature.
        error: Why the pair cannot be used.
    """

    pair: ImagePair
    sha256: list[str] = field(default_factory=list)
    jpeg: bool = False
    key: str = ""
    content: str = ""
    known: Values = field(default_factory=dict)
    new: Values = field(default_factory=dict)
    pixels: list[Tensor] = field(default_factory=list)
    kept: dict[str, ImageFeatures] = field(default_factory=dict)
    error: InputError | None = None


def measure_pairs(
    pairs: Sequence[ImagePair], folder: Path, how: Measuring, step: Callable[[], None]
) -> Measured:
    """Measure every pair; what is new goes into the folder's journal as soon as it is known.

    Args:
        pairs: Generated and real images.
        folder: The experiment's score folder; it need not exist.
        how: Options.
        step: Called after each pair.

    Raises:
        InputError: An image cannot be used.
        StoreError: A file is damaged, or cannot be written.
    """
    measure = partial(_measure_some, stored=_stored(folder, how.fresh), how=how)
    rows = MeasuredRows([metric.name for metric in how.metrics.values()], how.out)
    left_out: list[str] = []
    jpegs = 0
    with Journal(folder / JOURNAL) as journal, arithmetic():
        workers = how.workers or os.cpu_count() or 1
        count = min(_at_once(pairs[0]), math.ceil(len(pairs) / workers))
        some = (pairs[start : start + count] for start in range(0, len(pairs), count))
        for work in chain.from_iterable(ahead(measure, some, workers)):
            if work.error is None:
                if work.new:
                    journal.append(work.key, work.new)
                values = {**work.known, **work.new}
                rows.add(work.pair, work.key, work.sha256, [values[line] for line in how.metrics])
                jpegs += work.jpeg
            elif how.keep_going:
                image = f"{work.pair.output.path}: "  # the pair's name says it
                left_out.append(f"{work.pair.id}: {str(work.error).removeprefix(image)}")
            else:
                raise InputError(
                    f"{work.error}; or measure the other images with --keep-going"
                ) from work.error
            step()
    if not rows:
        raise InputError(f"none of the {len(pairs)} pairs can be used; the first: {left_out[0]}")
    return Measured(rows, jpegs, tuple(left_out))


def _stored(folder: Path, fresh: bool) -> dict[str, Values]:
    """Return the values that earlier runs left in the folder: by key and signature."""
    remove_leftovers(folder)
    if fresh:
        remove(folder / JOURNAL)
        return {}
    stored = read_values(folder / JOURNAL)
    if (folder / VALUES).exists():
        values = read_metric_values(folder / VALUES)
        for row in values.rows:
            stored.setdefault(row.key, {}).update(
                {facts.signature: row.values[name] for name, facts in values.metrics.items()}
            )
    return stored


def _at_once(pair: ImagePair) -> int:
    """Return how many pairs a worker takes at a time, if they are as large as this one."""
    try:
        width, height = probe(pair.output.path).size
    except InputError:
        return 1  # whoever measures it will say what is wrong
    area = width * height // (1 if pair.output.half is None else 2)
    return min(max(1, MOST_PIXELS // area), MOST_PAIRS)


def _measure_some(
    pairs: Sequence[ImagePair], *, stored: Mapping[str, Values], how: Measuring
) -> list[_Work]:
    """Measure some pairs, in a thread of its own; those of one size together."""
    works, batch = [], list[_Work]()
    with torch.inference_mode():
        for pair in pairs:
            work = _opened(pair, stored, how)
            works.append(work)
            if not work.pixels:
                continue
            if batch and not _go_together(work, batch):
                _measure(batch, how)
                batch = []
            batch.append(work)
        if batch:
            _measure(batch, how)
    return works


def _go_together(work: _Work, batch: Sequence[_Work]) -> bool:
    shape = work.pixels[0].shape
    area = shape[2] * shape[3] * (len(batch) + 1)
    return area <= MOST_PIXELS and shape == batch[0].pixels[0].shape


def _opened(pair: ImagePair, stored: Mapping[str, Values], how: Measuring) -> _Work:
    """Read a pair's files, and decode them if a value is missing."""
    work = _Work(pair)
    try:
        files = load([pair.output, pair.target, *(() if pair.input is None else (pair.input,))])
        output, target = files[:2]
        work.sha256, work.jpeg = [file.sha256 for file in files], output.is_jpeg
        work.key = hashlib.sha256(f"{output.content}\n{target.content}".encode()).hexdigest()
        work.content = target.content
        work.known = stored.get(work.key, {})
        missing = {line: how.metrics[line] for line in how.metrics if line not in work.known}
        # Without any metric, for FID alone, the images are still looked at.
        if missing or not how.metrics:
            x = output.pixels()
            y, kept = _kept_of_real(target, missing, how)
            _check_sizes(pair, x, y, missing.values())
            work.pixels, work.kept = [x, y], kept
    except InputError as error:
        work.error = error
    return work


def _measure(batch: Sequence[_Work], how: Measuring) -> None:
    """Measure what is missing of pairs of one size; a pair without a value gets an error."""
    too_much = False
    try:
        _measure_together(batch, how)
    except torch.cuda.OutOfMemoryError:
        too_much = True  # in here, what the failed call had on the GPU would still be held
    except RuntimeError as error:
        if "can't allocate memory" in str(error):  # PyTorch's way of a MemoryError
            raise MemoryError from error
        raise
    if too_much and len(batch) > 1:
        for work in batch:
            work.new, work.error = {}, None
            _measure([work], how)
        return
    for work in batch:
        if too_much:
            height, width = work.pixels[0].shape[2:]
            work.error = InputError(
                f"{work.pair.output}: the GPU has too little memory for images of "
                f"{width}×{height} pixels; use fewer --workers, or --device cpu"
            )
        work.pixels.clear()
        work.kept.clear()


def _measure_together(batch: Sequence[_Work], how: Measuring) -> None:
    x, y = (
        (images[0] if len(batch) == 1 else torch.cat(images)).to(how.device)
        for images in zip(*(work.pixels for work in batch), strict=True)
    )
    grays: list[Tensor] = []  # made once for all metrics that look at nothing else
    for line, metric in how.metrics.items():
        places = [n for n, work in enumerate(batch) if line not in work.known]
        if not places:
            continue
        works = [batch[n] for n in places]
        if metric.of_gray and not grays:
            grays = [gray(images, torch.uint8) for images in (x, y)]
        some = grays if metric.of_gray else [x, y]
        if len(places) < len(batch):
            some = [images[places] for images in some]
        generated, real = some
        if metric.features is None:
            values = metric.measure(generated, real).tolist()
        else:
            values = _distances(metric.features, line, works, generated, real, how)
        for work, value in zip(works, values, strict=True):
            work.new[line] = value
            if work.error is None and (math.isnan(value) or value == -math.inf):
                work.error = InputError(
                    f"{work.pair.output}: {metric.name} has no value for this image and "
                    f"{work.pair.target}: got {value}; look at them, or leave the metric out"
                )


def _kept_of_real(
    target: Loaded, missing: Mapping[str, Metric], how: Measuring
) -> tuple[Tensor, dict[str, ImageFeatures]]:
    """Return a real image's pixels, and those features by signature that were kept of it.

    Pixels are kept with the features of each metric, or alone where no metric has any. On a GPU no
    features are kept: there it is faster to compute than to read them.
    """
    on_cpu = how.device.type == "cpu"
    lines = [line for line, metric in missing.items() if metric.features is not None and on_cpu]
    kept = {}
    pixels = None
    for line in lines:
        if (entry := how.cache.get(_features_key(target.content, line))) is not None:
            *features, pixels = entry
            kept[line] = tuple(features)
    alone = _cache_key(target.content, "pixels")
    if pixels is None and (entry := how.cache.get(alone)) is not None:
        pixels = entry[0]
    if pixels is None:
        pixels = target.pixels()
        if not lines:
            how.cache.put(alone, [pixels])
    return pixels, kept


def _distances(
    features: Features, line: str, works: Sequence[_Work], x: Tensor, y: Tensor, how: Measuring
) -> list[float]:
    """Measure in two steps, the first one only for real images whose features were not kept."""
    real = {n: work.kept[line] for n, work in enumerate(works) if line in work.kept}
    new = [n for n in range(len(y)) if n not in real]
    for n, of_one in zip(new, features.of(y[new]) if new else (), strict=True):
        real[n] = of_one
        if how.device.type == "cpu":
            # Pixels last: behind an odd number of bytes floating point would lie askew.
            how.cache.put(_features_key(works[n].content, line), [*of_one, y[n : n + 1]])
    values: list[float] = features.distances(x, [real[n] for n in range(len(x))]).tolist()
    return values


def _features_key(content: str, line: str) -> str:
    machine = f"torch {torch.__version__}|{torch.backends.cpu.get_cpu_capability()}"
    return _cache_key(content, f"{line}|{machine}")


def _cache_key(content: str, what: str) -> str:
    makers = f"Pillow {PIL.__version__}|version:{__version__}"
    return hashlib.sha256(f"{content}\n{what}|{makers}".encode()).hexdigest()


def _check_sizes(pair: ImagePair, x: Tensor, y: Tensor, metrics: Collection[Metric]) -> None:
    height, width = x.shape[-2:]
    if x.shape != y.shape:
        raise InputError(
            f"{pair.output}: got {width}×{height} pixels, and the real image {pair.target} has "
            f"{y.shape[3]}×{y.shape[2]}, expected equal sizes; generate at the real image's size, "
            "or give real images of the size that was generated"
        )
    for metric in metrics:
        if min(width, height) < metric.smallest:
            raise InputError(
                f"{pair.output}: got {width}×{height} pixels, expected at least {metric.smallest} "
                f"on each side for {metric.name}; leave the metric or the image out"
            )
