"""The experiments of several results folders, under names that tell them apart."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from p2p_eval.errors import InputError
from p2p_eval.folders import check_name
from p2p_eval.results.layouts import Experiment, find_experiments

__all__ = ["find_in_all"]


def find_in_all(
    roots: Sequence[Path], layout: str = "auto", real: Path | None = None
) -> list[Experiment]:
    """Find the experiments of every folder, in the order given.

    Where experiments of several folders have one name, the names of the folders above come
    before it, as many as it takes: ``run1/results`` and ``run2/results`` become ``run1-results``
    and ``run2-results``.

    Args:
        roots: Folders as :func:`find_experiments` takes them.
        layout: As of :func:`find_experiments`.
        real: As of :func:`find_experiments`.

    Raises:
        InputError: As :func:`find_experiments`; or there is no folder, or one is given twice.
    """
    if not roots:
        raise InputError("got no results folder, expected one or more")
    experiments = [found for root in roots for found in find_experiments(root, layout, real)]
    folders = Counter(experiment.folder.resolve() for experiment in experiments)
    for folder, times in folders.items():
        if times > 1:
            raise InputError(f"{folder}: got this folder {times} times, expected it once")
    names = [experiment.name for experiment in experiments]
    for above in range(1, max(len(_parents(experiment)) for experiment in experiments) + 1):
        counts = Counter(name.lower() for name in names)
        if len(counts) == len(names):
            break
        names = [
            "-".join((*_parents(e)[-above:], e.name)) if counts[name.lower()] > 1 else name
            for name, e in zip(names, experiments, strict=True)
        ]
    for name, experiment in zip(names, experiments, strict=True):
        check_name(name, experiment.folder)
    return [replace(e, name=name) for e, name in zip(experiments, names, strict=True)]


def _parents(experiment: Experiment) -> tuple[str, ...]:
    """The folders above the one whose name the experiment's starts with."""
    parts = Path(os.path.abspath(experiment.folder)).parts[1:]
    start = max(
        (i for i, part in enumerate(parts) if experiment.name.startswith(part)),
        default=len(parts) - 1,
    )
    return parts[:start]
