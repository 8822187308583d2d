"""Which generated image is compared with which real one, and which have no partner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from p2p_eval.errors import InputError
from p2p_eval.results.findings import counted, first
from p2p_eval.results.images import ImageRef
from p2p_eval.results.layouts import Experiment, Item
from p2p_eval.results.provenance import made_by
from p2p_eval.results.several import find_in_all

__all__ = ["ImagePair", "Pairs", "find_pairs", "pair_up"]


@dataclass(frozen=True, slots=True)
class ImagePair:
    """A generated image, the real one, and the input where it is known."""

    id: str
    output: ImageRef
    target: ImageRef
    input: ImageRef | None = None


@dataclass(frozen=True, slots=True)
class Pairs:
    """An experiment's pairs, in natural order, and what was left out with the reason."""

    experiment: Experiment
    pairs: tuple[ImagePair, ...]
    left_out: tuple[str, ...]

    @property
    def notes(self) -> list[str]:
        """What a reader of the figures should know."""
        strays, notes = self.experiment.strays, list(made_by(self.experiment.folder))
        if not strays:
            return notes
        return [
            *notes,
            f"note: {counted(len(strays), 'other image')} without a name of the layout, passed "
            f"over ({', '.join(first(strays))})",
        ]


def find_pairs(
    results: str | Path | Sequence[str | Path],
    *,
    real: str | Path | None = None,
    layout: str = "auto",
    keep_going: bool = False,
) -> list[Pairs]:
    """Find the experiments of one results folder or several, and pair up the images of each.

    Args:
        results: Folder of generated images; or several.
        real: Folder of the real images, where ``results`` has none.
        layout: ``auto`` or one of :data:`p2p_eval.results.layouts.LAYOUTS`.
        keep_going: As of :func:`pair_up`.

    Raises:
        InputError: As :func:`p2p_eval.results.several.find_in_all` and :func:`pair_up`.
    """
    roots = [results] if isinstance(results, str | Path) else results
    experiments = find_in_all(
        [Path(root) for root in roots], layout, None if real is None else Path(real)
    )
    return [pair_up(experiment, keep_going=keep_going) for experiment in experiments]


def pair_up(experiment: Experiment, *, keep_going: bool = False) -> Pairs:
    """Pair every generated image of an experiment with the real one of its id.

    Args:
        experiment: As :func:`p2p_eval.results.layouts.find_experiments` finds it.
        keep_going: Leave out images without a partner, instead of raising.

    Raises:
        InputError: There are no real images, none has the id of a generated one, or an image has
            no partner.
    """
    pairs = tuple(
        ImagePair(item.id, item.output, item.target, item.input)
        for item in experiment.items
        if item.target is not None
    )
    alone = tuple(item.id for item in experiment.items if item.target is None)
    if not pairs:
        raise InputError(_no_pair(experiment, experiment.items))
    problems = [
        f"{experiment.folder}: {what}: {len(names)} ({_some(names)}); {advice}"
        for names, what, advice in (
            (
                alone,
                "generated images without a real one",
                "add the real ones, or remove the images",
            ),
            (
                experiment.missing_outputs,
                "inputs or real images without a generated one",
                "generate the missing ones: figures without them are of another test set",
            ),
        )
        if names
    ]
    if problems and not keep_going:
        raise InputError("\n".join([*problems, "or score the others with --keep-going"]))
    left_out = (
        *(f"{name}: it has no real image" for name in alone),
        *(f"{name}: it has no generated image" for name in experiment.missing_outputs),
    )
    return Pairs(experiment, pairs, left_out)


def _some(names: Sequence[str]) -> str:
    return ", ".join((*first(names), "…") if len(names) > len(first(names)) else names)


def _no_pair(experiment: Experiment, items: Sequence[Item]) -> str:
    ours = _some([item.id for item in items])
    others = _some(experiment.missing_outputs)
    if others:
        return (
            f"{experiment.folder}: no generated image has the name of a real one: got {ours}, "
            f"expected names such as {others}; name them alike"
        )
    return (
        f"{experiment.folder}: got generated images ({ours}) but no real ones; "
        "give their folder with --real"
    )
