"""What is the figure of a row: of one experiment, or the mean of several and how sure that is?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from p2p_eval.errors import InputError
from p2p_eval.metrics.confusion import FIGURES, Protocol, histogram, scores
from p2p_eval.scores.document import Source
from p2p_eval.tables.filled import Interval, Measured, OurFigure
from p2p_eval.tables.read import Algorithm, Colors, Segmentation, has_histograms, read_histograms
from p2p_eval.tables.resample import seed_interval

__all__ = ["measure_colors", "measure_people", "measure_segmentation"]

Floats = NDArray[np.float64]


def measure_segmentation(
    entries: Sequence[Segmentation], protocol: Protocol, *, draws: int, seed: int
) -> Measured:
    """Derive the figures of an FCN-score or a seg-score from the counts of its frames.

    Args:
        entries: One a seed.
        protocol: How counts become figures.
        draws: Of the bootstrap over seeds and frames.
        seed: Of the bootstrap.

    Raises:
        InputError: The entries have different signatures, frames or labels.
    """
    _check_signatures(entries)
    first = entries[0]
    counts = np.stack([_in_order(first, entry) for entry in entries], axis=1)
    hist, dropped = histogram(counts, protocol)
    values = scores(hist.sum(0), protocol).figures
    if (~dropped).sum(0).min() < 2:
        ends, interval = np.full((2, len(FIGURES)), np.nan), Interval.none
    else:
        interval = Interval.items if len(entries) == 1 else Interval.seeds_items
        ends = seed_interval(
            hist, lambda sums: scores(sums, protocol).figures, draws=draws, seed=seed
        )
    return Measured(
        experiments=tuple(entry.name for entry in entries),
        items=len(first.counts.images),
        items_are="frames",
        figures=_figures(FIGURES, values.mean(0), ends),
        interval=interval,
        signature=first.signature,
        sources=tuple(source for entry in entries for source in entry.sources),
        dropped=int(dropped.sum()),
    )


def measure_colors(out: Path, entries: Sequence[Colors], *, draws: int, seed: int) -> Measured:
    """Give intersections of colour histograms.

    One experiment's are its score file's own. Of several it is the mean; its interval comes from
    the images' histograms where all have theirs stored, and else is the range.

    Args:
        out: The folder of score files.
        entries: One a seed.
        draws: Of the bootstrap over seeds and images.
        seed: Of the bootstrap.

    Raises:
        InputError: The entries have different signatures, or other real images.
        StoreError: A file of histograms is damaged.
    """
    _check_signatures(entries)
    for entry in entries:
        if entry.images != entries[0].images:
            raise _other_images(entries[0], entry)
    channels = tuple(entries[0].figures)
    sources = [entry.source for entry in entries]
    names = tuple(entry.name for entry in entries)
    if len(entries) == 1:
        figures, interval = entries[0].figures, Interval.file
        if all(figure.low is None for figure in figures.values()):
            interval = Interval.none
    elif (drawn := _color_interval(out, entries, draws, seed)) is None:
        figures = {c: _mean_and_range([e.figures[c].value for e in entries]) for c in channels}
        interval = Interval.seed_range
    else:
        ends, files = drawn
        sources += files
        means = [_mean_and_range([e.figures[c].value for e in entries]).value for c in channels]
        figures = _figures(channels, np.array(means, np.float64), ends)
        interval = Interval.seeds_items
    return Measured(
        experiments=names,
        items=entries[0].images,
        items_are="images",
        figures=figures,
        interval=interval,
        signature=entries[0].signature,
        sources=tuple(sources),
    )


def measure_people(entries: Sequence[Algorithm]) -> Measured:
    """Give what a study says of an algorithm; of several seeds, the mean and the range.

    Args:
        entries: One a seed.

    Raises:
        InputError: The entries have different signatures.
    """
    _check_signatures(entries)
    figures, interval = entries[0].figures, Interval.file
    if len(entries) > 1:
        interval = Interval.seed_range
        figures = {
            key: _mean_and_range([entry.figures[key].value for entry in entries]) for key in figures
        }
    return Measured(
        experiments=tuple(entry.name for entry in entries),
        items=sum(entry.trials for entry in entries),
        items_are="trials",
        figures=figures,
        interval=interval,
        signature=entries[0].signature,
        sources=tuple(entry.source for entry in entries),
    )


def _check_signatures(entries: Sequence[Segmentation | Colors | Algorithm]) -> None:
    """Refuse to average what was not made in one way."""
    first = entries[0]
    for entry in entries:
        if entry.signature != first.signature:
            raise InputError(
                f"got experiments of one row with different signatures, {first.name} with "
                f"{first.signature} and {entry.name} with {entry.signature}, expected seeds of one "
                "row to be scored alike; score one of them again"
            )


def _in_order(first: Segmentation, entry: Segmentation) -> NDArray[np.int64]:
    """The counts of an entry in the order of the first one's frames."""
    places = {image: place for place, image in enumerate(entry.counts.images)}
    alone = set(places) ^ set(first.counts.images)
    if alone or len(places) != len(first.counts.images):
        named = f", as {min(alone)}" if alone else ""
        raise InputError(
            f"got experiments of one row with different frames{named}: {first.name} and "
            f"{entry.name}; score both on the same frames"
        )
    counts = entry.counts.counts[[places[image] for image in first.counts.images]]
    ours = first.counts.counts
    if counts.shape != ours.shape or not np.array_equal(counts.sum(-1), ours.sum(-1)):
        raise InputError(
            f"got experiments of one row with different labels: {first.name} and {entry.name}; "
            "score both against the same label maps"
        )
    return counts


def _color_interval(
    out: Path, entries: Sequence[Colors], draws: int, seed: int
) -> tuple[Floats, list[Source]] | None:
    """Intervals over seeds, then images, and the files read; None if a file is not there."""
    if not all(has_histograms(out, entry.name) for entry in entries):
        return None
    # These load torch, which one experiment's figures do without.
    from p2p_eval.metrics.color_histogram import histogram_intersection, merge

    found = [read_histograms(out, entry, merge, histogram_intersection) for entry in entries]
    rows = [counts for counts, _ in found]
    for entry, other in zip(entries, rows, strict=True):
        if not np.array_equal(other[:, 1], rows[0][:, 1]):
            raise _other_images(entries[0], entry)

    def overlaps(sums: Floats) -> Floats:
        return histogram_intersection(sums[:, :, 0], sums[:, :, 1])

    ends = seed_interval(np.stack(rows, axis=1), overlaps, draws=draws, seed=seed)
    return ends, [source for _, source in found]


def _other_images(first: Colors, entry: Colors) -> InputError:
    return InputError(
        f"got experiments of one row with different real images: {first.name} and {entry.name}; "
        "count both against the same images"
    )


def _mean_and_range(values: Sequence[float | None]) -> OurFigure:
    """The mean, lowest and highest; not known if one of them is not."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return OurFigure(None)
    return OurFigure(math.fsum(known) / len(known), min(known), max(known))


def _figures(names: Iterable[str], values: Floats, ends: Floats) -> dict[str, OurFigure]:
    """Figures by name; what is NaN is not known."""
    table = np.stack([values, *ends], axis=-1).tolist()
    return {
        name: OurFigure(*(None if math.isnan(number) else number for number in row))
        for name, row in zip(names, table, strict=True)
    }
