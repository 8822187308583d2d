"""Train several runs, one on each device at a time, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import torch

from fcn.errors import FCNError, TrainingError
from p2p_eval.datasets.paired import Pairs
from p2p_eval.errors import P2PEvalError
from p2p_eval.training.loop import train
from p2p_eval.training.plan import Planned

__all__ = ["train_all"]

GPU_READERS = 4
"""Threads that read images for one GPU."""


def train_all(
    runs: Sequence[tuple[Planned, Pairs]],
    out: Path,
    devices: Sequence[str],
    deadline: float | None,
    say: Callable[[str], None],
) -> list[str]:
    """Train runs; one that fails does not keep the others from being trained.

    Args:
        runs: Each with its pairs.
        out: Gets a folder a run.
        devices: Each has one run at a time.
        deadline: Of the monotonic clock; runs stop then, with checkpoints.
        say: Takes one line of progress at a time.

    Returns:
        Names of the runs that are left.

    Raises:
        TrainingError: One or more failed; names each, with the reason.
    """
    waiting, free, failed = list(runs), list(devices), list[str]()
    left = [run.name for run, _ in runs]
    active: dict[Future[bool], tuple[str, str]] = {}
    context = multiprocessing.get_context("spawn")  # a fork would take CUDA's state along
    pool = ProcessPoolExecutor(len(devices), mp_context=context)
    try:
        while waiting or active:
            while waiting and free and (deadline is None or time.monotonic() < deadline):
                (run, pairs), device = waiting.pop(0), free.pop(0)
                minutes = None if deadline is None else (deadline - time.monotonic()) / 60
                say(f"{run.name}: training on {device}")
                future = pool.submit(_train_one, run, pairs, out, device, minutes)
                active[future] = run.name, device
            if not active:
                break
            for future in wait(active, return_when=FIRST_COMPLETED).done:
                name, device = active.pop(future)
                free.append(device)
                try:
                    whole = future.result()
                except (FCNError, P2PEvalError) as error:
                    failed.append(f"{name}: {error}")
                    say(failed[-1])
                    continue
                except BrokenProcessPool as error:
                    raise TrainingError(
                        f"{name}: its process was killed, perhaps for want of memory; the same "
                        "command goes on from the last checkpoints, fewer devices need less"
                    ) from error
                if whole:
                    left.remove(name)
                    say(f"{name}: trained, {len(left)} to go")
                else:
                    say(f"{name}: stopped in time, goes on at the next call")
    except BaseException:
        # Whoever interrupts does not wait; what came after a checkpoint is trained again.
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    if failed:
        raise TrainingError("\n".join(failed))
    return left


def _train_one(run: Planned, pairs: Pairs, out: Path, device: str, minutes: float | None) -> bool:
    """Train one run in a process of its own; return whether it is whole."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    readers = GPU_READERS
    if device == "cpu":
        torch.set_num_threads(1)
        readers = 1
    trained = train(
        run.config, pairs, out / run.name, device=device, minutes=minutes, workers=readers
    )
    return trained.step == trained.steps


def _die_with_parent() -> None:
    """End this process when the one that started it is gone, killed or not.

    It would else train on, unseen, and hold the run's folder against the next call.
    """
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
