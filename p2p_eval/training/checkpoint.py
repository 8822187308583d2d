"""Checkpoints: all that it takes to go on with a training run, in one file that appears at once.

A safetensors file holds weights, the optimisers' averages and the random states; its metadata hold
one JSON text: step, configuration, fingerprint of the data, versions. Nothing is unpickled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fcn.errors import TrainingError
from fcn.files import replacing
from p2p_eval import __version__
from p2p_eval.models.generator_file import digest_of
from p2p_eval.training.config import Config
from p2p_eval.training.networks import Networks

__all__ = ["CHECKPOINT", "Run", "read_checkpoint", "write_checkpoint"]

CHECKPOINT = "checkpoint.safetensors"
ADAM = ("step", "exp_avg", "exp_avg_sq")
FORMAT = "p2p-eval-checkpoint/1"
DAMAGED = (SafetensorError, ValueError, LookupError, TypeError, AttributeError, OverflowError,
           RecursionError, RuntimeError)  # fmt: skip
"""What reading a file raises that is not what it should be."""

FREE = ("checkpoint_every", "sample_every", "test_mode")
"""Settings that may change between one part of a run and the next: no weight depends on them."""


@dataclass(frozen=True, slots=True)
class Run:
    """What tells one run from another.

    Attributes:
        config: Its configuration.
        data: Fingerprint of its pairs.
    """

    config: Config
    data: str

    def facts(self) -> dict[str, Any]:
        """Everything that its weights depend on."""
        config = {k: v for k, v in self.config.as_dict().items() if k not in FREE}
        return {"config": config, "data": self.data}


def write_checkpoint(path: Path, run: Run, networks: Networks, step: int) -> None:
    """Write a checkpoint so that, killed at any moment, the file is the old one or the new one.

    Raises:
        TrainingError: The file cannot be written, the disk being full for instance; the old one is
            as it was.
    """
    tensors = {f"rng.{n}": state for n, state in enumerate(_random_states(networks))}
    for which, (network, optimizer) in enumerate(networks.trained()):
        for name, tensor in network.state_dict().items():
            tensors[f"{which}.network.{name}"] = tensor
        for number, averages in optimizer.state_dict()["state"].items():
            for name, tensor in averages.items():
                tensors[f"{which}.adam.{number}.{name}"] = tensor
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    facts = {
        **run.facts(),
        "sha256": digest_of(tensors),
        "step": step,
        "version": __version__,
        "torch": torch.__version__,
    }
    metadata = {"format": FORMAT, "run": json.dumps(facts, sort_keys=True)}
    try:
        with replacing(path) as file:
            file.write(save(tensors, metadata))
    except OSError as error:
        raise TrainingError(
            f"{path}: cannot be written ({error}); free some space and run the same command again, "
            "it goes on from the last checkpoint"
        ) from error


def read_checkpoint(path: Path, run: Run, networks: Networks) -> int:
    """Put networks, optimisers and random numbers into the state of a checkpoint of the same run.

    Returns:
        The step after which it was written.

    Raises:
        TrainingError: It is damaged, or one of another configuration or of other data.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise TrainingError(f"{path}: no checkpoint of this program; use another --out")
            facts = json.loads(metadata["run"])
            _check_same(path, run.facts(), facts)
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        step = int(facts["step"])
        if step < 1 or facts["sha256"] != digest_of(tensors):
            raise ValueError("its content is not what was written")
        _restore(tensors, networks)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read: {error}") from error
    except torch.OutOfMemoryError:
        raise  # that is no fault of the file
    except DAMAGED as error:
        raise TrainingError(
            f"{path}: damaged, or not of this program: {error}. Remove it to start over"
        ) from error
    return step


def _check_same(path: Path, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    changed = [
        f"{key} was {theirs['config'].get(key)!r} and is {value!r}"
        for key, value in ours["config"].items()
        if theirs["config"].get(key) != value
    ]
    if theirs["data"] != ours["data"]:
        changed.append("the training data were others")
    if changed:
        raise TrainingError(
            f"{path}: the run in this folder is another one: {'; '.join(changed)}. Use another "
            "--out, or --fresh to start over"
        )


def _restore(tensors: dict[str, Tensor], networks: Networks) -> None:
    for which, (network, optimizer) in enumerate(networks.trained()):
        prefix = f"{which}.network."
        network.load_state_dict(
            {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
        )
        averages = {}
        for number, weight in enumerate(network.parameters()):
            averages[number] = {name: tensors.pop(f"{which}.adam.{number}.{name}") for name in ADAM}
            for name in ADAM[1:]:
                if averages[number][name].shape != weight.shape:
                    raise ValueError(f"{name} of tensor {number} has another shape than the weight")
                # In the order in memory of the weights: the fused optimiser runs over both at once.
                averages[number][name] = torch.empty_like(weight).copy_(averages[number][name])
            if averages[number]["step"].numel() != 1:
                raise ValueError(f"step of tensor {number} is no number")
        state = optimizer.state_dict()
        optimizer.load_state_dict({**state, "state": averages})
    torch.set_rng_state(tensors["rng.0"])
    if networks.device.type == "cuda":
        torch.cuda.set_rng_state(tensors["rng.1"], networks.device)


def _random_states(networks: Networks) -> list[Tensor]:
    # Dropout draws on the device that it runs on.
    states = [torch.get_rng_state()]
    if networks.device.type == "cuda":
        states.append(torch.cuda.get_rng_state(networks.device))
    return states
