"""Which runs do the paper's tables consist of?

A run's name says what it is, and is the name that :mod:`p2p_eval.tables.definitions` looks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from p2p_eval.errors import InputError
from p2p_eval.training.config import Config

__all__ = ["GROUND_TRUTH", "OF_THE_PLAN", "REPRODUCED", "Planned", "plan"]

GROUND_TRUTH = "ground-truth"
"""The experiment that consists of the real photos."""

_LOSSES = {loss: {"loss": loss} for loss in ("L1", "GAN", "cGAN", "L1+GAN", "L1+cGAN")}
_BATCH = {"batch": 10}
_PATCHES = {
    f"L1+cGAN-{patch}x{patch}": {"loss": "L1+cGAN", "patch": patch} for patch in (1, 16, 286)
}

_RUNS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "1": _LOSSES,
    "2": {
        f"{generator}-{loss}-batch10": {"generator": generator, "loss": loss, **_BATCH}
        for generator in ("encoder-decoder", "unet")
        for loss in ("L1", "L1+cGAN")
    },
    "3": {"L1+cGAN": _LOSSES["L1+cGAN"], **_PATCHES},
    "6": {
        f"photo2labels-{loss}": {"task": "photo2labels", "loss": loss}
        for loss in ("L1", "cGAN", "L1+cGAN")
    },
    "fig7": {
        **{loss: _LOSSES[loss] for loss in ("L1", "cGAN", "L1+cGAN")},
        "L1+cGAN-1x1": _PATCHES["L1+cGAN-1x1"],
    },
}

OF_THE_PLAN: Mapping[str, Any] = {
    "task": "labels2photo", "loss": "L1+cGAN", "generator": "unet", "patch": 70, "batch": 1,
    "seed": 0,
}  # fmt: skip
"""What a run is where the plan does not say otherwise, and no configuration changes."""

REPRODUCED = tuple(_RUNS)
"""Tables that consist of runs; the others need people."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One run: the experiment's name, with its seed, and its configuration."""

    name: str
    config: Config


def plan(
    tables: Sequence[str],
    base: Config,
    seeds: Sequence[int] = (0,),
    only: Sequence[str] = (),
) -> list[Planned]:
    """List the runs of some tables, each once, seed by seed.

    Args:
        tables: Some of :data:`REPRODUCED`.
        base: What all runs have in common; task, loss, generator, patch, batch and seed are the
            plan's.
        seeds: One set of runs for each.
        only: Names of runs, without seeds, to leave out the others; none leaves out none.

    Raises:
        InputError: There is no such table or run, no seed, or one is given twice.

    Example:
        >>> [planned.name for planned in plan(["3"], Config())]
        ['L1+cGAN-seed0', 'L1+cGAN-1x1-seed0', 'L1+cGAN-16x16-seed0', 'L1+cGAN-286x286-seed0']
    """
    if unknown := [table for table in tables if table not in _RUNS]:
        raise InputError(
            f"got table {unknown[0]!r}, expected one of {', '.join(_RUNS)}: tables 4 and 5 are of "
            "people's answers"
        )
    if not tables or not seeds or len(set(seeds)) != len(seeds):
        raise InputError(
            f"got tables {list(tables)} and seeds {list(seeds)}, expected one or more of each, "
            "no seed twice"
        )
    runs = {name: changes for table in tables for name, changes in _RUNS[table].items()}
    if unknown := [name for name in only if name not in runs]:
        raise InputError(f"got run {unknown[0]!r}, expected one of {', '.join(runs)}")
    if only:
        runs = {name: runs[name] for name in only}
    return [
        Planned(f"{name}-seed{seed}", replace(base, **{**OF_THE_PLAN, **changes, "seed": seed}))
        for seed in seeds
        for name, changes in runs.items()
    ]
