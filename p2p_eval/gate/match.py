"""Which figures of a baseline and of current scores belong together, and what forbids comparing?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from p2p_eval.errors import GateError
from p2p_eval.gate.resample import Pair
from p2p_eval.gate.scored import Better, Figure, Scored
from p2p_eval.gate.settings import Rule, Settings, fits, names_of
from p2p_eval.results.findings import counted, first
from p2p_eval.scores.signature import Signature

__all__ = ["Guarded", "Matched", "match"]


@dataclass(frozen=True, slots=True)
class Guarded:
    """A figure of baseline and current, and what the settings say of it."""

    baseline: Figure
    current: Figure
    better: Better
    rule: Rule


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """What is compared.

    Attributes:
        groups: The figures of each experiment and score, with their rows.
        notes: What is not compared, and why that is no error.
    """

    groups: tuple[tuple[Pair, tuple[Guarded, ...]], ...]
    notes: tuple[str, ...]


def match(baseline: Sequence[Scored], current: Sequence[Scored], settings: Settings) -> Matched:
    """Find what is to be compared.

    Args:
        baseline: Scores of the baseline.
        current: Scores of the candidate.
        settings: Which figures are guarded.

    Raises:
        GateError: Something that is guarded cannot be compared; it names all there is.
    """
    problems = [
        *_duplicates("the baseline", baseline),
        *_duplicates("the current scores", current),
    ]
    notes: list[str] = []
    groups = []
    baseline = _renamed(baseline, current, notes)
    there = {(scored.experiment, scored.kind): scored for scored in current}
    for old in baseline:
        new = there.get((old.experiment, old.kind))
        found = _guarded(old, new, settings, problems, notes)
        if found and new is not None:
            problems += _other_images(old, new)
            if not problems:
                names = tuple(guarded.baseline.name for guarded in found)
                better = tuple(guarded.better for guarded in found)
                groups.append((Pair(_sorted(old), _sorted(new), names, better), found))
    known = {(scored.experiment, scored.kind) for scored in baseline}
    notes += [
        f"{scored.experiment}: {scored.kind} is not in the baseline; --update to guard it"
        for scored in current
        if (scored.experiment, scored.kind) not in known
    ]
    problems += [
        f"{scored.experiment}: {scored.kind}: {_listed(unknown)}: got NaN as a value in {where}, "
        "expected numbers; damaged or edited: score again, or --update the baseline"
        for where, scores in (("the baseline", baseline), ("the current scores", current))
        for scored in scores
        if (unknown := _not_numbers(scored))
    ]
    problems += _patterns(baseline, settings, notes)
    if not problems and not groups:
        problems.append(
            "got no figure to guard: the baseline has none, or the settings ignore all of them"
        )
    if problems:
        raise GateError(problems)
    return Matched(tuple(groups), tuple(notes))


def _guarded(
    old: Scored,
    new: Scored | None,
    settings: Settings,
    problems: list[str],
    notes: list[str],
) -> tuple[Guarded, ...]:
    """The figures of one score that are guarded and in both; say what is not."""
    where = f"{old.experiment}: {old.kind}"
    wanted = [
        figure
        for figure in old.figures
        if settings.guards(names_of(old.experiment, old.kind, figure.name))
    ]
    if skipped := [figure.name for figure in old.figures if figure not in wanted]:
        notes.append(f"{where}: not guarded, as the settings say: {', '.join(skipped)}")
    if not wanted:
        return ()
    if new is None:
        problems.append(
            f"{where} is missing: the baseline has it, the current scores do not; score it"
        )
        return ()
    there = {figure.name: figure for figure in new.figures}
    if missing := [figure.name for figure in wanted if figure.name not in there]:
        problems.append(
            f"{where}: {counted(len(missing), 'figure')} of the baseline missing "
            f"({_listed(missing)}); score them too"
        )
    if fresh := sorted(there.keys() - {figure.name for figure in old.figures}):
        notes.append(f"{where}: not in the baseline: {', '.join(fresh)}; --update to guard it")
    both = [(figure, there[figure.name]) for figure in wanted if figure.name in there]
    problems += _other_signatures(where, both)
    guarded = []
    for figure, other in both:
        if new.kind != "metrics" and math.isnan(figure.value) and math.isnan(other.value):
            notes.append(f"{where}: {figure.name} is not defined in either; nothing to compare")
            continue
        if new.kind != "metrics" and math.isnan(figure.value) != math.isnan(other.value):
            problems.append(
                f"{where}: {figure.name}: got {figure.value:g} in the baseline and {other.value:g} "
                "now, expected a number in both; ignore it, or --update the baseline"
            )
            continue
        rule = settings.rule(names_of(old.experiment, old.kind, figure.name))
        better = _direction(where, figure, other, rule, problems)
        if better is not None:
            guarded.append(Guarded(figure, other, better, rule))
    return tuple(guarded)


def _direction(
    where: str, figure: Figure, other: Figure, rule: Rule, problems: list[str]
) -> Better | None:
    """Which direction is better; None, with a problem, where that is unknown or contradicted."""
    said = {d for d in (figure.better, other.better, rule.better) if d is not None}
    if len(said) == 1:
        return said.pop()
    if said:
        problems.append(
            f"{where}: {figure.name}: got {figure.better or 'no direction'} as better in the "
            f"baseline, {other.better or 'none'} now and {rule.better or 'none'} in the settings, "
            "expected one"
        )
    else:
        problems.append(
            f"{where}: {figure.name}: nobody says which direction is better, so a tolerance says "
            f'nothing; add "{figure.name}" = {{ better = "higher" }} (or "lower", "zero") to the '
            "tolerances of the gate's settings, or ignore it"
        )
    return None


def _other_signatures(where: str, both: Iterable[tuple[Figure, Figure]]) -> list[str]:
    """What differs in how figures were made, each difference once."""
    differing: dict[str, list[str]] = {}
    for old, new in both:
        if old.signature != new.signature:
            text = Signature.differences(old.signature, new.signature)
            differing.setdefault(text, []).append(old.name)
    return [
        f"{where}: {_listed(names)}: made with other settings than the baseline ({text}); score "
        "with the same settings, or --update the baseline"
        for text, names in differing.items()
    ]


def _other_images(old: Scored, new: Scored) -> list[str]:
    """What differs in the images that two scores are of."""
    where = f"{old.experiment}: {old.kind}"
    texts = []
    keys, others = (dict(zip(s.images, s.keys, strict=True)) for s in (old, new))
    if gone := [image for image in keys if image not in others]:
        texts.append(f"{counted(len(gone), 'image')} of the baseline missing ({_listed(gone)})")
    if fresh := [image for image in others if image not in keys]:
        texts.append(f"{counted(len(fresh), 'image')} not in the baseline ({_listed(fresh)})")
    if changed := [image for image in keys if others.get(image, keys[image]) != keys[image]]:
        texts.append(
            f"{counted(len(changed), 'image')} with another target or label ({_listed(changed)})"
        )
    if not texts and old.rows.shape[1:] != new.rows.shape[1:] and old.kind != "metrics":
        texts.append(f"rows of shape {new.rows.shape[1:]} instead of {old.rows.shape[1:]}")
    return [
        f"{where}: other images than the baseline's: {text}; score the same ones, or --update "
        "the baseline"
        for text in texts
    ]


def _renamed(
    baseline: Sequence[Scored], current: Sequence[Scored], notes: list[str]
) -> Sequence[Scored]:
    """Where each side has one experiment, take it for the same one, whatever it is called."""
    old, new = ({s.experiment for s in side if s.kind != "study"} for side in (baseline, current))
    if len(old) != 1 or len(new) != 1 or old == new:
        return baseline
    (was,), (name,) = old, new
    notes.append(f"{name} is compared with the baseline's {was}: each side has one experiment")
    return [replace(s, experiment=name) if s.experiment == was else s for s in baseline]


def _duplicates(where: str, scores: Sequence[Scored]) -> list[str]:
    """What is there twice, where each must be there once."""
    texts = []
    for scored in scores:
        name = f"{scored.experiment}: {scored.kind}"
        for what, names in (
            ("image", scored.images),
            ("figure", [figure.name for figure in scored.figures]),
        ):
            if twice := _repeated(names):
                texts.append(
                    f"{name}: got the {what} {_listed(twice)} twice in {where}, expected once"
                )
    if twice := _repeated(f"{scored.experiment}: {scored.kind}" for scored in scores):
        texts.append(f"got {_listed(twice)} twice in {where}, expected once")
    return texts


def _not_numbers(scored: Scored) -> list[str]:
    """Images of which a value is NaN."""
    if not scored.images or not np.isnan(scored.rows).any():
        return []
    places = np.flatnonzero(np.isnan(scored.rows.reshape(len(scored.images), -1)).any(1))
    return [scored.images[place] for place in places.tolist()]


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _patterns(scores: Sequence[Scored], settings: Settings, notes: list[str]) -> list[str]:
    """Patterns that fit no figure: of what is to be guarded an error, else worth a note."""
    names = [
        names_of(scored.experiment, scored.kind, figure.name)
        for scored in scores
        for figure in scored.figures
    ]

    def idle(patterns: Iterable[str]) -> list[str]:
        return [p for p in patterns if not any(fits(p, figure) for figure in names)]

    notes += [
        f"settings: {pattern!r} fits no figure of the baseline"
        for pattern in idle([*settings.ignore, *(rule.pattern for rule in settings.tolerances)])
    ]
    return [
        f"got figures = {pattern!r}, which fits no figure of the baseline; it has "
        f"{_listed(sorted({figure[0] for figure in names}))}"
        for pattern in idle(settings.figures)
        if names
    ]


def _listed(names: Collection[str]) -> str:
    return ", ".join(first(names)) + (", …" if len(names) > len(first(names)) else "")


def _sorted(scored: Scored) -> Scored:
    """The same score with images in the order of their names, on which draws depend."""
    order = sorted(range(len(scored.images)), key=lambda place: scored.images[place])
    return replace(
        scored,
        images=tuple(scored.images[place] for place in order),
        keys=tuple(scored.keys[place] for place in order),
        rows=scored.rows[order] if order else scored.rows,
    )
