"""Reproduce the paper's ablations on a data set: train, generate, score, each only once.

What is done lies in one folder, and a second call goes on with what is missing: ``runs/`` holds a
folder a run, ``photos/`` and ``labels/`` the results folders, ``scores/`` the score files that
``p2p-eval tables`` reads.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch

from p2p_eval.datasets.paired import Pairs, find_pairs, held_out
from p2p_eval.device import pick_device
from p2p_eval.errors import InputError
from p2p_eval.models.generator_file import load_generator
from p2p_eval.models.layers import TestMode
from p2p_eval.results.provenance import read_facts
from p2p_eval.training.checkpoint import Run
from p2p_eval.training.config import Config, labels_of
from p2p_eval.training.generate import GENERATOR, generate, write_ground_truth
from p2p_eval.training.origin import facts_of_images
from p2p_eval.training.parallel import train_all
from p2p_eval.training.plan import GROUND_TRUTH, Planned, plan

__all__ = ["Reproduced", "pick_devices", "reproduce"]


FCN_TABLES = frozenset({"1", "2", "3"})
"""Tables of scores that a network gives; the others need no weights."""


@dataclass(frozen=True, slots=True)
class Reproduced:
    """What a call has done.

    Attributes:
        scores: The folder of score files.
        done: Runs that are trained.
        left: Runs that are not, the time being up.
    """

    scores: Path
    done: tuple[str, ...]
    left: tuple[str, ...]


def reproduce(
    tables: Sequence[str],
    data: Path,
    base: Config,
    out: Path,
    *,
    weights: str | Path | None = None,
    seeds: Sequence[int] = (0,),
    only: Sequence[str] = (),
    split: str | None = None,
    devices: Sequence[str] = ("cpu",),
    minutes: float | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Reproduced:
    """Train, generate and score what some tables need.

    Args:
        tables: Some of :data:`p2p_eval.training.plan.REPRODUCED`.
        data: A folder of photos and label maps, with ``train`` and ``test`` in it, or the original
            Cityscapes tree.
        base: What all runs have in common.
        out: The folder.
        weights: Of the FCN-8s that scores Tables 1 to 3; by default those of the label set.
        seeds: One set of runs for each.
        only: Names of runs, to leave out the others.
        split: What is translated and scored; by default what is held out.
        devices: One run at a time on each; ``cpu`` several times is as many processes of one
            thread each.
        minutes: Stop training after so long, with checkpoints; the next call goes on.
        say: Takes one line of progress at a time.

    Raises:
        InputError: The data cannot be used, or an option is out of range.
        TrainingError: One or more runs failed; the others were trained first.
        WeightsError, StoreError: As of the steps.
    """
    from p2p_eval.scoring.color_hist import color_histogram
    from p2p_eval.scoring.fcn_score import fcn_score
    from p2p_eval.scoring.scorer import load_scorer
    from p2p_eval.scoring.seg_score import seg_score

    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    runs = plan(tables, base, seeds, only)
    split = held_out(data) if split is None else split
    tasks = {run.config.task for run in runs}
    training = {task: _pairs(data, task, "train", base) for task in tasks}
    testing = {task: _pairs(data, task, split, base) for task in tasks}
    _check_apart(data, split, training, testing)
    by_network = not FCN_TABLES.isdisjoint(tables) and "labels2photo" in tasks
    if by_network:
        load_scorer(weights, base.label_set)  # now, and not after a day of training
    waiting = [run for run in runs if not _is_trained(run, training[run.config.task], out)]
    left = train_all(
        [(run, training[run.config.task]) for run in waiting], out / "runs", devices, deadline, say
    )
    finished = [run for run in runs if run.name not in left]
    for run in finished:
        _translate(run, testing[run.config.task], base.size, devices[0], out, say)

    scores = out / "scores"
    folder_of_ids = None if (data / "gtFine").is_dir() else data / split / "labels"
    cityscapes = data if folder_of_ids is None else None
    kinds = {_results(run) for run in finished}
    if "photos" in kinds:
        photos = testing["labels2photo"]
        write_ground_truth(photos, out / "photos" / GROUND_TRUTH, base.size)
        if by_network:
            fcn_score(
                out / "photos", labels=folder_of_ids, cityscapes=cityscapes, weights=weights,
                label_set=base.label_set, out=scores, device=devices[0],
            )  # fmt: skip
        color_histogram(out / "photos", out=scores)
        say("scored the photos")
    if "labels" in kinds:
        seg_score(
            out / "labels", labels=folder_of_ids, cityscapes=cityscapes,
            label_set=base.label_set, out=scores,
        )  # fmt: skip
        say("scored the label maps")
    return Reproduced(scores, tuple(run.name for run in finished), tuple(left))


def pick_devices(names: Sequence[str]) -> list[str]:
    """Return the devices of some names; of none, every GPU, or the CPU once a core.

    Raises:
        InputError: One of them is not there.
    """
    if names:
        return [str(pick_device(name)) for name in names]
    if count := torch.cuda.device_count():
        return [f"cuda:{number}" for number in range(count)]
    return ["cpu"] * (os.cpu_count() or 1)


def _pairs(data: Path, task: str, split: str, base: Config) -> Pairs:
    labels = labels_of(base)
    if labels is None:
        raise InputError("got no label_set, expected the one of the data's label maps")
    pairs = find_pairs(data, task, split, labels)
    if not pairs.ids_of:
        raise InputError(
            f"{data}: got images side by side, expected photos/ and labels/ with label ids, or the "
            "Cityscapes tree: scores need ids"
        )
    return pairs


def _check_apart(
    data: Path, split: str, training: dict[str, Pairs], testing: dict[str, Pairs]
) -> None:
    """Refuse to test on what was trained on."""
    for task, pairs in training.items():
        if pairs.fingerprint == testing[task].fingerprint:
            raise InputError(
                f"{data}: got the same images for train and {split}, expected a folder of each "
                "name in it, or another --split"
            )


def _results(run: Planned) -> str:
    return "labels" if run.config.task == "photo2labels" else "photos"


def _is_trained(run: Planned, pairs: Pairs, out: Path) -> bool:
    """Whether a run's generator is there, whole, and of this configuration and these data."""
    path = out / "runs" / run.name / GENERATOR
    if not path.exists():
        return False
    metadata = load_generator(path).metadata
    facts = Run(run.config, pairs.fingerprint).facts()
    return metadata.get("run") == facts and metadata.get("step") == metadata.get("steps")


def _translate(
    run: Planned, pairs: Pairs, size: int, device: str, out: Path, say: Callable[[str], None]
) -> None:
    """Make a run's results folder, unless it is there as it would be made now."""
    folder = out / _results(run) / run.name
    generator = load_generator(out / "runs" / run.name / GENERATOR)
    mode, seed = cast(TestMode, run.config.test_mode), run.config.seed
    facts = facts_of_images(generator, pairs, size=size, mode=mode, seed=seed, device=device)
    if read_facts(folder) == json.loads(json.dumps(facts)):
        return
    # Under a name that is passed over until it is whole: what lies beside it is scored.
    unfinished = folder.with_name(f".{folder.name}")
    for old in (unfinished, folder):
        if old.exists():
            shutil.rmtree(old)
    generate(generator, pairs, unfinished, size=size, mode=mode, seed=seed, device=device)
    unfinished.rename(folder)
    say(f"{run.name}: translated {len(pairs)} images")
