"""The values of an experiment's pairs: stored ones reused, the others measured."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import PIL
import torch
from torch import Tensor

from p2p_eval import __version__
from p2p_eval.errors import InputError
from p2p_eval.metrics.metric import Features, Metric
from p2p_eval.results.images import ImageRef
from p2p_eval.scores.feature_cache import FeatureCache
from p2p_eval.scores.journal import Journal, Values, read_values
from p2p_eval.scores.store import remove, remove_leftovers
from p2p_eval.scores.values_file import ROLES, SourceFile, ValueRow, read_metric_values
from p2p_eval.scoring.loaded import Loaded, load
from p2p_eval.scoring.pairs import ImagePair
from p2p_eval.scoring.threads import ahead, arithmetic

__all__ = ["JOURNAL", "VALUES", "Measured", "Measuring", "measure_pairs"]

VALUES = "values.json"
JOURNAL = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class Measuring:
    """How pairs are measured.

    Attributes:
        metrics: By signature, which names everything that their values depend on.
        device: Where.
        cache: Of what was computed of real images.
        out: Folder of all score files; paths are kept relative to it.
        workers: Threads, each with one pair at a time; the number of cores by default.
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

    rows: tuple[ValueRow, ...]
    jpegs: int
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Of one pair: its row and which values are new by signature, or why there is none."""

    pair: ImagePair
    row: ValueRow | None
    new: Values
    jpeg: bool = False
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
    work = partial(_outcome, stored=_stored(folder, how.fresh), how=how)
    rows: list[ValueRow] = []
    left_out: list[str] = []
    jpegs = 0
    with Journal(folder / JOURNAL) as journal, arithmetic():
        for outcome in ahead(work, pairs, how.workers or os.cpu_count() or 1):
            if outcome.row is not None:
                if outcome.new:
                    journal.append(outcome.row.key, outcome.new)
                rows.append(outcome.row)
                jpegs += outcome.jpeg
            elif how.keep_going:
                image = f"{outcome.pair.output.path}: "  # the pair's name says it
                left_out.append(f"{outcome.pair.id}: {str(outcome.error).removeprefix(image)}")
            else:
                raise InputError(
                    f"{outcome.error}; or measure the other images with --keep-going"
                ) from outcome.error
            step()
    if not rows:
        raise InputError(f"none of the {len(pairs)} pairs can be used; the first: {left_out[0]}")
    return Measured(tuple(rows), jpegs, tuple(left_out))


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


def _outcome(pair: ImagePair, stored: Mapping[str, Values], how: Measuring) -> _Outcome:
    """Measure one pair, in a thread of its own."""
    try:
        images = [pair.output, pair.target, *(() if pair.input is None else (pair.input,))]
        output, target, *_ = loaded = load(images)
        key = hashlib.sha256(f"{output.content}\n{target.content}".encode()).hexdigest()
        known = stored.get(key, {})
        missing = {line: metric for line, metric in how.metrics.items() if line not in known}
        # Without any metric, for FID alone, the images are still looked at.
        new = _measure(output, target, missing, how) if missing or not how.metrics else {}
    except InputError as error:
        return _Outcome(pair, None, {}, error=error)
    values = {
        metric.name: new[line] if line in new else known[line]
        for line, metric in how.metrics.items()
    }
    files = {role: _source(file, how.out) for role, file in zip(ROLES, loaded, strict=False)}
    return _Outcome(pair, ValueRow(pair.id, key, files, values), new, output.is_jpeg)


def _source(loaded: Loaded, out: Path) -> SourceFile:
    path = Path(os.path.relpath(loaded.image.path, out)).as_posix()
    return SourceFile(path, loaded.image.half, loaded.sha256)


def _measure(
    output: Loaded, target: Loaded, metrics: Mapping[str, Metric], how: Measuring
) -> Values:
    """Decode a pair and measure it.

    Raises:
        InputError: An image cannot be decoded, their sizes differ, they are too small for a
            metric, a metric has no value for them, or memory is short.
    """
    with torch.inference_mode():
        x, y = output.pixels(), _real_pixels(target, how.cache)
        _check_sizes(output.image, target.image, x, y, metrics.values())
        try:
            values = {}
            x, y = x.to(how.device), y.to(how.device)
            for line, metric in metrics.items():
                if metric.features is None:
                    value = float(metric.measure(x, y))
                else:
                    value = _distance(metric.features, line, x, y, target, how.cache)
                if math.isnan(value) or value == -math.inf:
                    raise InputError(
                        f"{output.image}: {metric.name} has no value for this image and "
                        f"{target.image}: got {value}; look at them, or leave the metric out"
                    )
                values[line] = value
        except torch.cuda.OutOfMemoryError as error:
            height, width = x.shape[-2:]
            raise InputError(
                f"{output.image}: the GPU has too little memory for images of {width}×{height} "
                "pixels; use fewer --workers, or --device cpu"
            ) from error
        except RuntimeError as error:
            if "can't allocate memory" in str(error):  # PyTorch's way of a MemoryError
                raise MemoryError from error
            raise
    return values


def _real_pixels(target: Loaded, cache: FeatureCache) -> Tensor:
    key = _cache_key(target, f"pixels|Pillow {PIL.__version__}|version:{__version__}")
    if (kept := cache.get(key)) is not None:
        return kept[0]
    pixels = target.pixels()
    cache.put(key, [pixels])
    return pixels


def _distance(
    features: Features, line: str, x: Tensor, y: Tensor, target: Loaded, cache: FeatureCache
) -> float:
    """Measure in two steps; on a CPU the real image's features are kept, a GPU is faster anew."""
    if y.device.type != "cpu":
        return float(features.distance(features.of(x), features.of(y)))
    machine = f"torch {torch.__version__}|{torch.backends.cpu.get_cpu_capability()}"
    key = _cache_key(target, f"{line}|{machine}")
    real = cache.get(key)
    if real is None:
        real = features.of(y)
        cache.put(key, real)
    return float(features.distance(features.of(x), real))


def _cache_key(target: Loaded, what: str) -> str:
    return hashlib.sha256(f"{target.content}\n{what}".encode()).hexdigest()


def _check_sizes(
    output: ImageRef, target: ImageRef, x: Tensor, y: Tensor, metrics: Collection[Metric]
) -> None:
    height, width = x.shape[-2:]
    if x.shape != y.shape:
        raise InputError(
            f"{output}: got {width}×{height} pixels, and the real image {target} has "
            f"{y.shape[3]}×{y.shape[2]}, expected equal sizes; generate at the real image's size, "
            "or give real images of the size that was generated"
        )
    for metric in metrics:
        if min(width, height) < metric.smallest:
            raise InputError(
                f"{output}: got {width}×{height} pixels, expected at least {metric.smallest} on "
                f"each side for {metric.name}; leave the metric or the image out"
            )
