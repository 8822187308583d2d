"""Is a candidate worse than a baseline, and is that more than chance?

Of each figure the gate takes the *loss*, how far it moved in its worse direction. With the
tolerance ``t``:

- **worse**: that the loss is no more than ``t`` is refuted, with Holm's correction over all guarded
  figures; or a few images broke (:mod:`p2p_eval.gate.broken`);
- **better**: likewise on the other side;
- **same**: neither, and the interval excludes a loss beyond ``t + detect``;
- **cannot tell**: neither, and it does not.

Where the rows of both are equal the difference is 0 and the verdict *same*, without any statistics.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from p2p_eval.errors import GateError
from p2p_eval.gate.broken import broken_images
from p2p_eval.gate.checked import Checked, CheckedFigure, ImageLoss, Interval, Verdict
from p2p_eval.gate.match import Guarded, match
from p2p_eval.gate.resample import Losses, Pair, direction, losses
from p2p_eval.gate.scored import Scored
from p2p_eval.gate.settings import Settings
from p2p_eval.gate.tails import LowerTail, holm, holm_levels
from p2p_eval.results.findings import counted, first

__all__ = ["MIN_IMAGES", "check"]

MIN_IMAGES = 10
"""Fewer say too little of how others would differ; false alarms were counted from here on."""

MAX_WORST = 50
ROUNDING = 1e-9

Floats = NDArray[np.float64]


class _Normal:
    """The lower tail of a figure of which only the standard deviation is known."""

    def __init__(self, value: float, std: float) -> None:
        self._value, self._std = value, std

    def p(self, threshold: float) -> float:
        return float(ndtr((threshold - self._value) / self._std))

    def bound(self, alpha: float) -> float:
        return self._value + float(ndtri(alpha)) * self._std


@dataclass(frozen=True, slots=True, eq=False)
class _Tested:
    """A figure's loss, before the other figures are known.

    ``lower`` and ``upper`` are tails of the loss and of the negated loss; None where there is
    nothing to test.
    """

    pair: Pair
    guarded: Guarded
    loss: float
    tolerance: float
    detect: float
    equal: bool
    lower: LowerTail | _Normal | None
    upper: LowerTail | _Normal | None
    count: int
    worst: tuple[ImageLoss, ...]
    broken: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def p_worse(self) -> float:
        return self.lower.p(self.tolerance) if self.lower else 1.0

    @property
    def p_better(self) -> float:
        return self.upper.p(self.tolerance) if self.upper else 1.0

    def interval(self, low: float, high: float) -> Interval:
        """Of the loss, with a level for each end."""
        if self.equal:
            return 0.0, 0.0
        if self.lower is None or self.upper is None:
            return math.nan, math.nan
        return self.lower.bound(low), -self.upper.bound(high)


def check(
    baseline: Sequence[Scored],
    current: Sequence[Scored],
    settings: Settings | None = None,
    *,
    source: str = "the baseline",
) -> Checked:
    """Compare scores with a baseline.

    The result depends on the scores and settings alone: not on the order of images, nor on the
    number of threads.

    Args:
        baseline: Scores of the baseline.
        current: Scores of the candidate.
        settings: What is guarded, with which tolerances, and how sure the gate must be.
        source: What the baseline is called.

    Raises:
        GateError: Something that is guarded cannot be compared; it names all there is.
    """
    settings = settings or Settings()
    matched = match(baseline, current, settings)
    problems: list[str] = []
    tested = [
        figure
        for pair, guarded in matched.groups
        for figure in _test(pair, guarded, settings, problems)
    ]
    if problems:
        raise GateError(problems)
    worse, better = [f.p_worse for f in tested], [f.p_better for f in tested]
    alpha = 1 - settings.confidence
    columns = zip(
        tested,
        holm(worse),
        holm(better),
        holm_levels(worse, alpha),
        holm_levels(better, alpha),
        strict=True,
    )
    figures = tuple(_checked(*column, settings) for column in columns)
    return Checked(figures, settings, matched.notes, source)


def _test(
    pair: Pair, guarded: Sequence[Guarded], settings: Settings, problems: list[str]
) -> Iterator[_Tested]:
    if pair.baseline.kind == "study":
        yield from (_test_rate(pair, figure) for figure in guarded)
        return
    found = losses(pair, draws=settings.draws, seed=settings.seed)
    amounts = [(g.rule.tolerance_of(g.baseline), g.rule.detect_of(g.baseline)) for g in guarded]
    broken: tuple[int, ...] = ()
    if pair.baseline.kind == "metrics" and not settings.exact:
        limits = np.array(amounts).T
        broken = broken_images(found.images, *limits, at_least=settings.broken_images)
    for place, figure in enumerate(guarded):
        for side, scored, value in zip(
            ("the baseline", "the current scores"),
            (figure.baseline, figure.current),
            found.figures[:, place].tolist(),
            strict=True,
        ):
            if not _agree(scored.value, value):
                problems.append(
                    f"{pair.baseline.experiment}: {pair.baseline.kind}: {scored.name}: got "
                    f"{scored.value!r} in {side}, where its images give {value!r}: damaged or "
                    "edited; score again, or --update the baseline"
                )
        yield _test_rows(pair, figure, found, place, amounts[place], broken, settings)


def _agree(a: float, b: float) -> bool:
    both_unknown = not math.isfinite(a) and not math.isfinite(b)
    return both_unknown or math.isclose(a, b, rel_tol=ROUNDING, abs_tol=1e-12)


def _test_rows(
    pair: Pair,
    guarded: Guarded,
    found: Losses,
    place: int,
    amounts: tuple[float, float],
    broken: Sequence[int],
    settings: Settings,
) -> _Tested:
    images, draws = found.images[:, place], found.draws[:, place]
    loss, count = float(found.value[place]), int(found.count[place])
    limit, detect = amounts
    nothing = not count  # identical to the real images in both
    equal = nothing or (loss == 0 and not np.nan_to_num(draws, nan=0.0).any())
    worst = _worst(pair.baseline.images, images, found, place, limit)
    notes = list(_infinite(pair.baseline.images, images))
    lower = upper = None
    if not equal and not settings.exact:
        if count < MIN_IMAGES:
            notes.append(
                f"{counted(count, 'image')} only, and {MIN_IMAGES} is the least that tells more "
                "than chance"
            )
        else:
            lower, upper = LowerTail(draws, count), LowerTail(-draws, count)
    lost = [i for i in broken if images[i] > limit + detect] if loss > limit else []
    return _Tested(
        pair,
        guarded,
        0.0 if equal else loss,
        limit,
        detect,
        equal,
        lower,
        upper,
        count,
        worst,
        tuple(pair.baseline.images[i] for i in lost),
        tuple(notes),
    )


def _test_rate(pair: Pair, guarded: Guarded) -> _Tested:
    """A figure of a study: other people each time, so that their chances add up."""
    old, new = guarded.baseline, guarded.current
    values = np.array([[old.value], [new.value]])
    loss = float(direction(values[0], values[1], guarded.better)[0])
    std = math.hypot(old.std or 0.0, new.std or 0.0)
    equal = (old.value, old.std) == (new.value, new.std)
    notes = []
    lower = upper = None
    if not equal:
        if old.std and new.std and math.isfinite(std):
            lower, upper = _Normal(loss, std), _Normal(-loss, std)
        else:
            notes.append("no standard deviation: nobody can tell chance from loss")
    return _Tested(
        pair,
        guarded,
        loss,
        guarded.rule.tolerance_of(old),
        guarded.rule.detect_of(old),
        equal,
        lower,
        upper,
        0,
        (),
        (),
        tuple(notes),
    )


def _worst(
    names: Sequence[str], images: Floats, found: Losses, place: int, limit: float
) -> tuple[ImageLoss, ...]:
    """The images that lost more than the tolerance, the largest loss first."""
    order = [i for i in np.argsort(-images, kind="stable").tolist() if images[i] > limit]
    return tuple(
        ImageLoss(
            names[i],
            float(found.baseline[i, place]),
            float(found.current[i, place]),
            float(images[i]),
        )
        for i in order[:MAX_WORST]
    )


def _infinite(names: Sequence[str], images: Floats) -> Iterator[str]:
    """Name the images that lost or gained an infinite value."""
    for text, there in (("lost", np.isposinf(images)), ("gained", np.isneginf(images))):
        if there.any():
            places = np.flatnonzero(there).tolist()
            more = ", …" if len(places) > len(first(places)) else ""
            listed = ", ".join(names[i] for i in places[:5])
            yield f"{counted(len(places), 'image')} {text} an infinite value ({listed}{more})"


def _checked(
    tested: _Tested,
    p_worse: float,
    p_better: float,
    level_worse: float,
    level_better: float,
    settings: Settings,
) -> CheckedFigure:
    tail = (1 - settings.confidence) / 2
    interval = tested.interval(tail, tail)
    known = tested.lower is not None
    verdict = _verdict(tested, p_worse, p_better, interval[1], settings)
    turned = tested.guarded.better == "higher"
    figure, pair = tested.guarded.baseline, tested.pair
    notes = list(tested.notes)
    if tested.broken:
        listed = ", ".join(first(tested.broken))
        more = ", …" if len(tested.broken) > len(first(tested.broken)) else ""
        notes.append(
            f"{counted(len(tested.broken), 'image')} lost much ({listed}{more}), none gained, and "
            "most did not change at all"
        )
    return CheckedFigure(
        experiment=pair.baseline.experiment,
        kind=pair.baseline.kind,
        name=figure.name,
        unit=figure.unit,
        better=tested.guarded.better,
        signature=figure.signature,
        baseline=figure.value,
        current=tested.guarded.current.value,
        difference=_turned((tested.loss, tested.loss), turned)[0],
        interval=_turned(interval, turned),
        corrected=_turned(tested.interval(level_worse, level_better), turned),
        p=1.0 if tested.equal else tested.p_worse if known else math.nan,
        p_corrected=1.0 if tested.equal else p_worse if known else math.nan,
        tolerance=tested.tolerance,
        detect=tested.detect,
        verdict=verdict,
        images=tested.count,
        worst=tested.worst,
        notes=tuple(notes),
    )


def _verdict(
    tested: _Tested, p_worse: float, p_better: float, largest: float, settings: Settings
) -> Verdict:
    alpha = 1 - settings.confidence
    if tested.equal:
        return "same"
    if settings.exact and not math.isnan(tested.loss):
        if abs(tested.loss) <= tested.tolerance:
            return "same"
        return "worse" if tested.loss > 0 else "better"
    if p_worse < alpha or tested.broken:
        return "worse"
    if p_better < alpha:
        return "better"
    return "same" if largest <= tested.tolerance + tested.detect else "cannot tell"


def _turned(loss: Interval, turned: bool) -> Interval:
    """A loss as a difference: of what is better when higher, a loss is a difference below 0."""
    low, high = loss
    return (0.0 - high, 0.0 - low) if turned else loss
