"""How figures of counts follow from the sum of their images' rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from p2p_eval.errors import InputError
from p2p_eval.gate.scored import Figure, Scored
from p2p_eval.metrics.confusion import (
    FIGURES,
    PROTOCOLS,
    Protocol,
    Scores,
    histogram,
    scores,
)
from p2p_eval.scores.signature import Signature

__all__ = ["Derived", "derive"]

CHANNELS = ("L", "a", "b")
OF_CLASS = re.compile(r"(?<![a-z_])(?P<figure>acc|iou)\[")
OF_ALL = re.compile("|".join(FIGURES))
OF_CHANNEL = re.compile(r"(?<![A-Za-z])[Lab](?![A-Za-z])")

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Derived:
    """Figures that are functions of the sum of one array of counts an image.

    Attributes:
        items: The counts, ``(images, ...)``.
        statistic: Sums of counts, ``(n, ...)``, to figures, ``(n, figures)``.
        known: Images that each figure says something of, ``(images, figures)``.
        dropped: Images that the protocol leaves out, ``(images,)``.
    """

    items: Counts
    statistic: Callable[[Floats], Floats]
    known: NDArray[np.bool_]
    dropped: NDArray[np.bool_]


def derive(scored: Scored, names: Sequence[str]) -> list[tuple[list[int], Derived]]:
    """Say how figures of counts follow, those of one protocol or number of bins at a time.

    Args:
        scored: Of a kind that counts: ``fcn-score``, ``seg-score`` or ``color-hist``.
        names: Of the figures that are asked for.

    Returns:
        Places among the names, and how these follow.

    Raises:
        InputError: A figure is none that follows from such rows.
    """
    setting, how = ("bins", _colors) if scored.kind == "color-hist" else ("protocol", _classes)
    groups: dict[str, list[Figure]] = {}
    for figure in scored.figures:
        groups.setdefault(_setting(scored, figure, setting), []).append(figure)
    derived = []
    for value, figures in groups.items():
        places = [place for place, name in enumerate(names) if name in {f.name for f in figures}]
        if places:
            derived.append((places, how(scored, figures, value, [names[p] for p in places])))
    return derived


def _setting(scored: Scored, figure: Figure, key: str) -> str:
    try:
        return Signature.parse(figure.signature).settings[key]
    except (KeyError, ValueError):
        raise _unknown(scored, figure, f"its signature does not say {key}") from None


def _unknown(scored: Scored, figure: Figure, reason: str) -> InputError:
    return InputError(
        f"{scored.experiment}: {figure.name}: not a figure of {scored.kind} ({reason}); score again"
    )


def _classes(
    scored: Scored, figures: Sequence[Figure], protocol: str, names: Sequence[str]
) -> Derived:
    """Figures of joint counts under a protocol."""
    named: Protocol = "strict" if protocol == "strict" else "paper"
    seen = {"acc": 0, "iou": 0}
    found: dict[str, tuple[str, int]] = {}
    for figure in figures:
        if protocol not in PROTOCOLS:
            raise _unknown(scored, figure, f"its protocol is none of {', '.join(PROTOCOLS)}")
        if match := OF_CLASS.search(figure.name):
            found[figure.name] = (match["figure"], seen[match["figure"]])
            seen[match["figure"]] += 1  # classes come in the order of the label set
        elif match := OF_ALL.search(figure.name):
            found[figure.name] = (match.group(), -1)
        else:
            raise _unknown(scored, figure, f"known are {', '.join(FIGURES)}, acc[…] and iou[…]")
    classes = scored.rows.shape[1]
    if any(count not in (0, classes) for count in seen.values()):
        raise _unknown(scored, figures[0], f"of {classes} classes some are missing")
    wanted = [found[name] for name in names]
    hist, dropped = histogram(scored.rows.astype(np.int64), named)

    def statistic(sums: Floats) -> Floats:
        result = scores(sums, named)
        return np.stack([_one(result, *figure) for figure in wanted], axis=-1)

    labelled = hist.sum(2) > 0
    seen_at_all = labelled | (hist[:, :, :classes].sum(1) > 0)
    columns = [
        (labelled if figure == "acc" else seen_at_all)[:, index] if index >= 0 else ~dropped
        for figure, index in wanted
    ]
    return Derived(hist, statistic, np.stack(columns, axis=1), dropped)


def _one(result: Scores, figure: str, index: int) -> Floats:
    values: Floats = getattr(result, figure)
    return values if index < 0 else values[..., index]


def _colors(scored: Scored, figures: Sequence[Figure], bins: str, names: Sequence[str]) -> Derived:
    """Intersections of histograms with a number of bins."""
    from p2p_eval.metrics.color_histogram import histogram_intersection, merge  # loads torch

    found = {}
    for figure in figures:
        match = OF_CHANNEL.search(figure.name)
        if match is None:
            raise _unknown(scored, figure, f"it names none of {', '.join(CHANNELS)}")
        found[figure.name] = CHANNELS.index(match.group())
    channels = [found[name] for name in names]
    try:
        items = merge(scored.rows.astype(np.int64), int(bins)).astype(np.int64)
    except ValueError as error:
        raise _unknown(scored, figures[0], str(error)) from error

    def statistic(sums: Floats) -> Floats:
        return histogram_intersection(sums[:, 0], sums[:, 1])[:, channels]

    count = len(items)
    return Derived(
        items, statistic, np.ones((count, len(names)), np.bool_), np.zeros(count, np.bool_)
    )
