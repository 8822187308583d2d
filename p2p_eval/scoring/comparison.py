"""Experiments compared image by image: who is better, and is that more than chance?"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from p2p_eval.errors import InputError
from p2p_eval.metrics.metric import Better
from p2p_eval.results.findings import counted, first
from p2p_eval.results.images import ImageRef, read_rgb
from p2p_eval.scores.signature import Signature
from p2p_eval.scores.statistics import Comparison, compare
from p2p_eval.scores.store import remove
from p2p_eval.scores.values_file import MetricValues, SourceFile, ValueRow
from p2p_eval.scoring.run import known

__all__ = [
    "SCHEMA",
    "Compared",
    "MetricComparison",
    "Side",
    "check_same_ids",
    "compare_sides",
    "remove_stale",
]

SCHEMA = "p2p-eval/metrics-comparison/1"


@dataclass(frozen=True, slots=True)
class Side:
    """One experiment: its values, and by metric the signature of its figures."""

    values: MetricValues
    signatures: Mapping[str, str]

    @property
    def name(self) -> str:
        """Of the experiment."""
        return self.values.experiment


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric of two experiments on the same images.

    Attributes:
        a: Name of one experiment.
        b: Name of the other.
        metric: Such as ``ssim[rgb]``.
        better: Which direction of the metric is better.
        unit: Of the difference; empty for a pure number.
        signature: Every setting that the figures depend on.
        figures: Difference ``a - b``, interval, p, both means.
        winner: Whose values are better, or None where the interval holds 0. Where values nearer
            to zero are better, the interval is that of their distances from zero.
    """

    a: str
    b: str
    metric: str
    better: Better
    unit: str
    signature: str
    figures: Comparison
    winner: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the comparison's part of the document; what is not known is null."""
        figures = self.figures
        return {
            "a": self.a,
            "b": self.b,
            "metric": self.metric,
            "images": figures.count,
            "difference": known(figures.difference),
            "ci95": [known(end) for end in figures.ci95],
            "p": known(figures.p),
            "better": self.better,
            "unit": self.unit,
            "winner": self.winner,
            "mean_a": known(figures.mean_a),
            "mean_b": known(figures.mean_b),
            "left_out_infinite": figures.infinite,
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """All comparisons, the images left out of them, and the figures refused, with the reasons."""

    comparisons: tuple[MetricComparison, ...]
    left_out: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``metrics_comparison.json``."""
        return {
            "schema": SCHEMA,
            "comparisons": [entry.to_json() for entry in self.comparisons],
            "left_out": list(self.left_out),
            "refused": list(self.refused),
        }


def check_same_ids(ids: Mapping[str, Collection[str]], *, keep_going: bool = False) -> None:
    """Refuse experiments that cannot be compared, before any time is spent on measuring them.

    Args:
        ids: Of the images that can be measured, by experiment; each is compared with the first.
        keep_going: Accept ids that only one of two experiments has.

    Raises:
        InputError: There are fewer than two experiments, two have no id in common, or one lacks
            some.
    """
    if len(ids) < 2:
        raise InputError(
            f"got {counted(len(ids), 'experiment')} ({', '.join(ids)}), expected two or more to "
            "compare; give their folders, or the folder that holds them"
        )
    (a, ids_a), *others = ids.items()
    for b, ids_b in others:
        if not set(ids_a) & set(ids_b):
            raise InputError(
                f"{a} and {b} have no image in common: got {', '.join(first(ids_a))} and "
                f"{', '.join(first(ids_b))}; compare results on the same images, named alike"
            )
        alone = _alone(a, ids_a, ids_b) + _alone(b, ids_b, ids_a)
        if alone and not keep_going:
            raise InputError(
                f"{a} and {b}: {counted(len(alone), 'image')} that only one of them has "
                f"({', '.join(first(alone))}{', …' if len(alone) > 5 else ''}); "
                "add what is missing, or compare the others with --keep-going"
            )


def compare_sides(
    sides: Sequence[Side], *, out: Path, keep_going: bool = False, draws: int, seed: int
) -> Compared:
    """Compare each experiment with the first, over the images that both have.

    Args:
        sides: Two or more experiments.
        out: Folder that the paths of image files are relative to.
        keep_going: Leave out images that only one has, instead of raising.
        draws: Of the bootstrap over images.
        seed: Of the bootstrap.

    Raises:
        InputError: As :func:`check_same_ids`; or the real images of one id differ, which makes
            them different test sets.
    """
    rows = {side.name: {row.image: row for row in side.values.rows} for side in sides}
    check_same_ids(rows, keep_going=keep_going)
    comparisons: list[MetricComparison] = []
    left_out: list[str] = []
    refused: list[str] = []
    a, *others = sides
    for b in others:
        common = [image for image in rows[a.name] if image in rows[b.name]]
        pairs = [(rows[a.name][image], rows[b.name][image]) for image in common]
        _check_same_real_images(a.name, b.name, pairs, out)
        for one, other in ((a.name, b.name), (b.name, a.name)):
            left_out += [
                f"{image}: {other} has no image of this name"
                for image in _alone(one, rows[one], rows[other])
            ]
        for metric in a.values.metrics:
            if metric not in b.values.metrics:
                continue
            if a.signatures[metric] != b.signatures[metric]:
                refused.append(
                    f"{metric} of {a.name} and {b.name} is not compared: their signatures differ "
                    f"({Signature.differences(a.signatures[metric], b.signatures[metric])})"
                )
                continue
            comparisons.append(_compare(a, b, metric, pairs, draws, seed))
    return Compared(tuple(comparisons), tuple(left_out), tuple(refused))


def remove_stale(path: Path, changed: Collection[str]) -> None:
    """Remove a stored comparison if it speaks of an experiment whose values have changed.

    Args:
        path: Of ``metrics_comparison.json``; it need not exist.
        changed: Names of experiments.

    Raises:
        StoreError: It cannot be removed.
    """
    try:
        entries = json.loads(path.read_bytes())["comparisons"]
        named = {entry[side] for entry in entries for side in ("a", "b")}
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        named = set(changed)  # damaged: nobody can say what it speaks of
    if not named.isdisjoint(changed):
        remove(path)


def _compare(
    a: Side,
    b: Side,
    metric: str,
    pairs: Sequence[tuple[ValueRow, ValueRow]],
    draws: int,
    seed: int,
) -> MetricComparison:
    facts = a.values.metrics[metric]
    values = np.array([(x.values[metric], y.values[metric]) for x, y in pairs], np.float64)
    figures = compare(*values.T, draws=draws, seed=seed)
    deciding = figures
    if facts.better == "zero":
        deciding = compare(*np.abs(values).T, draws=draws, seed=seed)
    low, high = deciding.ci95 if facts.better == "higher" else (-end for end in deciding.ci95[::-1])
    winner = a.name if low > 0 else b.name if high < 0 else None
    return MetricComparison(
        a.name, b.name, metric, facts.better, facts.unit, a.signatures[metric], figures, winner
    )


def _alone(name: str, ids: Collection[str], others: Collection[str]) -> list[str]:
    return [f"{name}/{image}" for image in ids if image not in others]


def _check_same_real_images(
    a: str, b: str, pairs: Sequence[tuple[ValueRow, ValueRow]], out: Path
) -> None:
    differing = [
        x.image for x, y in pairs if not _same_pixels(x.files["target"], y.files["target"], out)
    ]
    if differing:
        raise InputError(
            f"{a} and {b} are not of the same test set: "
            f"{counted(len(differing), 'real image')} of {len(pairs)} with one name and other "
            f"content ({', '.join(first(differing))}); compare results on the same images"
        )


def _same_pixels(x: SourceFile, y: SourceFile, out: Path) -> bool:
    """Whether two files hold one image; they are decoded only if their bytes differ."""
    if (x.sha256, x.half) == (y.sha256, y.half):
        return True
    a, b = (read_rgb(ImageRef(out / file.path, file.half)) for file in (x, y))
    return np.array_equal(a, b)
