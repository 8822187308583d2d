"""Reproduce the paper's ablations on a data set: train, generate, score, each only once.

What is done lies in one folder, and a second call goes on with what is missing: ``runs/`` holds a
folder a run, ``photos/`` and ``labels/`` the results folders, ``scores/`` the score files that
``p2p-eval tables`` reads.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch

from fcn.files import sha256_of
from fcn.labels import LabelSet, label_set
from p2p_eval.datasets.paired import Pairs, find_pairs
from p2p_eval.datasets.save import make_folders, save_png
from p2p_eval.device import pick_device
from p2p_eval.errors import InputError
from p2p_eval.models.generator_file import load_generator
from p2p_eval.models.layers import TestMode
from p2p_eval.results.provenance import made_with
from p2p_eval.training.checkpoint import Run
from p2p_eval.training.config import Config
from p2p_eval.training.generate import GENERATOR, generate
from p2p_eval.training.loop import train
from p2p_eval.training.plan import GROUND_TRUTH, Planned, plan

__all__ = ["Reproduced", "pick_devices", "reproduce"]

SPLITS = ("train", "test")


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
    split: str = "test",
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
        weights: Of the FCN-8s that scores; by default those of the label set.
        seeds: One set of runs for each.
        split: What is translated and scored.
        devices: One run at a time on each; ``cpu`` several times is as many processes of one
            thread each.
        minutes: Stop training after so long, with checkpoints; the next call goes on.
        say: Takes one line of progress at a time.

    Raises:
        InputError: The data cannot be used, or an option is out of range.
        TrainingError, WeightsError, StoreError: As of the steps.
    """
    from p2p_eval.scoring.color_hist import color_histogram
    from p2p_eval.scoring.fcn_score import fcn_score
    from p2p_eval.scoring.seg_score import seg_score

    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    labels = _label_set(base)
    runs = plan(tables, base, seeds)
    pairs = find_pairs(data, "labels2photo", split, labels)
    find_pairs(data, "labels2photo", "train", labels)  # now, not after an hour
    left = _train_all(runs, data, out, devices, deadline, say)
    finished = [run for run in runs if run.name not in left]

    for run in finished:
        folder, path = out / _results(run) / run.name, out / "runs" / run.name / GENERATOR
        if made_with(folder) == sha256_of(path):
            continue
        of_task = find_pairs(data, run.config.task, split, labels)
        mode = cast(TestMode, run.config.test_mode)
        generate(
            load_generator(path), of_task, folder, size=base.size, mode=mode,
            seed=run.config.seed, device=devices[0],
        )  # fmt: skip
        say(f"{run.name}: translated {len(of_task)} images")

    scores = out / "scores"
    kinds = {_results(run) for run in finished}
    folder_of_ids = _labels_folder(data, split)
    cityscapes = None if folder_of_ids else data
    if "photos" in kinds:
        _ground_truth(pairs, out / "photos" / GROUND_TRUTH, base.size)
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


def _label_set(base: Config) -> LabelSet:
    if not base.label_set:
        raise InputError("got no label_set, expected the one of the data's label maps")
    return label_set(base.label_set)


def _results(run: Planned) -> str:
    return "labels" if run.config.task == "photo2labels" else "photos"


def _labels_folder(data: Path, split: str) -> Path | None:
    """Return the folder of label maps; None is that of the original Cityscapes tree."""
    if (data / "gtFine").is_dir():
        return None
    return (data / split if (data / split).is_dir() else data) / "labels"


def _ground_truth(pairs: Pairs, folder: Path, size: int) -> None:
    """Write the real photos at the size that generators give, as an experiment of their own."""
    part = folder / "output"
    names = [f"{pair.name}.png" for pair in pairs.pairs]
    targets = folder / "target"
    make_folders([part, targets], names)
    for number, name in enumerate(names):
        if not (targets / name).exists():
            photo = pairs.read(number, size)[1]
            save_png(part / name, photo)
            save_png(targets / name, photo)


def _train_all(
    runs: Sequence[Planned],
    data: Path,
    out: Path,
    devices: Sequence[str],
    deadline: float | None,
    say: Callable[[str], None],
) -> list[str]:
    """Train what is not trained yet, one run a device at a time; return what is left."""
    waiting = [run for run in runs if not _is_trained(run, out, data)]
    left = [run.name for run in waiting]
    free = list(devices)
    active: dict[Future[bool], tuple[Planned, str]] = {}
    context = multiprocessing.get_context("spawn")  # a fork would take CUDA's state along
    with ProcessPoolExecutor(len(devices), mp_context=context) as pool:
        while waiting or active:
            while waiting and free and not _is_over(deadline):
                run, device = waiting.pop(0), free.pop(0)
                minutes = None if deadline is None else (deadline - time.monotonic()) / 60
                say(f"{run.name}: training on {device}")
                future = pool.submit(_train_one, run, data, out, device, minutes)
                active[future] = run, device
            if not active:
                break
            for future in wait(active, return_when=FIRST_COMPLETED).done:
                run, device = active.pop(future)
                free.append(device)
                if future.result():
                    left.remove(run.name)
                    say(f"{run.name}: trained, {len(left)} to go")
                else:
                    say(f"{run.name}: stopped in time, goes on at the next call")
    return left


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline


def _is_trained(run: Planned, out: Path, data: Path) -> bool:
    """Whether a run's generator is there, whole, and of this configuration and these data."""
    path = out / "runs" / run.name / GENERATOR
    if not path.exists():
        return False
    pairs = _train_pairs(run, data)
    metadata = load_generator(path).metadata
    return json.loads(metadata["run"]) == Run(run.config, pairs.fingerprint).facts() and int(
        metadata["steps"]
    ) == run.config.total_steps(len(pairs))


def _train_pairs(run: Planned, data: Path) -> Pairs:
    return find_pairs(data, run.config.task, "train", label_set(run.config.label_set))


def _train_one(run: Planned, data: Path, out: Path, device: str, minutes: float | None) -> bool:
    """Train one run in a process of its own; return whether it is whole."""
    if device == "cpu":
        torch.set_num_threads(1)
        os.environ["OMP_NUM_THREADS"] = "1"
    train(
        run.config,
        _train_pairs(run, data),
        out / "runs" / run.name,
        device=device,
        minutes=minutes,
    )
    return _is_trained(run, out, data)
