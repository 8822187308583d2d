"""Train a generator: one loop, top to bottom, in :func:`train`.

A run that is killed at any moment goes on from its last checkpoint when it is started again, and on
the CPU ends with the same weights.

Source: Isola et al. 2017, section 3.3; https://github.com/phillipi/pix2pix (``train.lua``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from fcn.errors import TrainingError
from p2p_eval.datasets.paired import Pairs
from p2p_eval.errors import InputError
from p2p_eval.models.generator_file import save_generator
from p2p_eval.scores.store import exclusive, remove, remove_leftovers
from p2p_eval.training.checkpoint import CHECKPOINT, Run, read_checkpoint, write_checkpoint
from p2p_eval.training.config import Config
from p2p_eval.training.generate import GENERATOR
from p2p_eval.training.log import LossLog
from p2p_eval.training.networks import Networks, generator_settings
from p2p_eval.training.pictures import plot_losses, sample_sheet
from p2p_eval.training.samples import batches

__all__ = ["Trained", "train"]

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOG_EVERY = 50

Told = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a call of :func:`train` leaves.

    Attributes:
        generator: The file.
        step: Updates that were made, of :attr:`steps`.
        steps: Updates that the configuration asks for.
        losses: Means over the steps before the last checkpoint.
    """

    generator: Path
    step: int
    steps: int
    losses: Mapping[str, float]


def train(
    config: Config,
    pairs: Pairs,
    out: Path,
    *,
    device: str = "cpu",
    minutes: float | None = None,
    fresh: bool = False,
    workers: int = 1,
    tensorboard: bool = False,
    told: Told = lambda step, steps, losses: None,
) -> Trained:
    """Train by a configuration and write ``generator.safetensors``.

    Args:
        config: What to do.
        pairs: What to train on.
        out: The run's folder: it gets the generator, ``checkpoint.safetensors``, ``losses.csv`` and
            ``losses.png``, and ``samples/``.
        device: ``cpu`` or a CUDA device.
        minutes: Stop after this long, with a checkpoint to go on from and the generator so far.
        fresh: Start over, whatever is there.
        workers: Threads that read images ahead.
        tensorboard: Also write events for TensorBoard to the folder.
        told: Called with the step, the steps in all and the mean losses since the last checkpoint.

    Raises:
        InputError: An image cannot be read, or TensorBoard is not installed.
        StoreError: Another run is writing to the folder, or it cannot be written.
        TrainingError: A loss is not finite, or the checkpoint in ``out`` is of another run.
        WeightsError: The generator cannot be written.
    """
    began = time.monotonic()
    steps = config.total_steps(len(pairs))
    run = Run(config, pairs.fingerprint)
    with exclusive(out), _bits(config):
        checkpoint, path = out / CHECKPOINT, out / GENERATOR
        remove_leftovers(out)
        if fresh:
            remove(checkpoint)
            remove(out / "losses.csv")
        torch.manual_seed(config.seed)
        networks = Networks(config, device)
        step = read_checkpoint(checkpoint, run, networks) if checkpoint.exists() else 0
        log = LossLog(out / "losses.csv", step)
        events = _events(out, step) if tensorboard else None
        losses: dict[str, float] = {}
        for network in networks.all():
            network.train()

        for x, y in batches(pairs, config, step, steps, workers):
            networks.set_rate(_rate(config, step, steps))
            log.add(networks.update(x, y))
            step += 1

            out_of_time = minutes is not None and time.monotonic() - began > 60 * minutes
            saving = step % config.checkpoint_every == 0 or step == steps or out_of_time
            if step % LOG_EVERY == 0 or saving:
                losses = log.mean()
                if not log.finite or (saving and not networks.finite()):
                    raise TrainingError(_diverged(config, step, losses, checkpoint))
                told(step, steps, losses)
                if events is not None:
                    for name, loss in losses.items():
                        events.add_scalar(name, loss, step)
            if saving:
                log.write(step)
                write_checkpoint(checkpoint, run, networks, step)
            if config.sample_every and (step % config.sample_every == 0 or step == steps):
                sample_sheet(networks.generator, pairs, config, out / "samples" / f"{step:07d}.png")
                plot_losses(out / "losses.csv", out / "losses.png")
            if out_of_time:
                break

        origin = {
            "test_mode": config.test_mode,
            "run": run.facts(),
            "step": step,
            "steps": steps,
        }
        save_generator(path, networks.generator, generator_settings(config), origin)
        if events is not None:
            events.close()
    return Trained(path, step, steps, losses)


def _rate(config: Config, step: int, steps: int) -> float:
    """Return the factor of the learning rate before a step, counted from 0."""
    if config.schedule == "constant":
        return 1.0
    half = steps / 2
    return min(1.0, (steps - step) / max(1.0, steps - half))


def _diverged(config: Config, step: int, losses: dict[str, float], checkpoint: Path) -> str:
    told = ", ".join(f"{name} {value:g}" for name, value in losses.items())
    kept = f"{checkpoint} holds the last good state" if checkpoint.exists() else "none was saved"
    return (
        f"a loss or a weight is not finite after step {step} ({told}), expected finite ones: lower "
        f"learning_rate (now {config.learning_rate:g}); {kept}"
    )


@contextmanager
def _bits(config: Config) -> Iterator[None]:
    """Let a GPU round factors to 10 bits or not, and ask for the same bits every time or not."""
    deterministic = config.deterministic
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(deterministic)
    try:
        with torch.backends.cudnn.flags(
            enabled=True,
            benchmark=not deterministic,
            deterministic=deterministic,
            allow_tf32=config.precision == "tf32",
        ):
            yield
    finally:
        torch.use_deterministic_algorithms(before)


def _events(out: Path, step: int) -> SummaryWriter:
    """Open a writer whose events after a step are done again."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "TensorBoard is not installed; pip install 'p2p-eval[tensorboard]', or leave it out"
        ) from error
    return SummaryWriter(str(out / "tensorboard"), purge_step=step)
