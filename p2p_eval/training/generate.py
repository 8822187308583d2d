"""Translate pairs with a trained generator: a results folder that every scoring command takes."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fcn import labels
from p2p_eval import __version__
from p2p_eval.datasets.paired import Pairs, find_pairs
from p2p_eval.datasets.save import make_folders, save_png
from p2p_eval.datasets.tasks import TASKS, Task
from p2p_eval.errors import InputError
from p2p_eval.models.generator_file import GeneratorFile, load_generator
from p2p_eval.models.layers import Dropout, TestMode, test_mode
from p2p_eval.results.provenance import PROVENANCE
from p2p_eval.scores.signature import Signature
from p2p_eval.scores.store import write_atomic
from p2p_eval.threads import ahead, arithmetic

__all__ = ["GENERATOR", "Generated", "Translated", "generate", "generate_from_file", "translate"]

GENERATOR = "generator.safetensors"
"""The generator's file in a run's folder."""

PARTS = ("input", "output", "target")
"""Folders of an experiment, as phillipi/pix2pix's ``test.lua`` leaves them."""


@dataclass(frozen=True, slots=True)
class Translated:
    """Images of one pair, uint8 ``(H, W, 3)``: what was seen, made, and wanted."""

    source: NDArray[np.uint8]
    output: NDArray[np.uint8]
    target: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Generated:
    """An experiment that was made: where, how, and what should be known."""

    folder: Path
    facts: Mapping[str, Any]
    notes: tuple[str, ...]


def translate(
    network: nn.Module,
    task: Task,
    source: NDArray[np.uint8],
    target: NDArray[np.uint8],
    mode: TestMode,
    seed: int,
) -> Translated:
    """Translate one image, alone, so that batch statistics are its own.

    Args:
        network: The generator, on any device; left as it was.
        task: How images become numbers.
        source: uint8, ``(H, W, 3)``.
        target: uint8, of the same shape.
        mode: ``paper`` or ``eval``.
        seed: Of the dropout.
    """
    device = next(network.parameters()).device
    x, y = task.encode(source, target)
    drops = [module for module in network.modules() if isinstance(module, Dropout)]
    # One generator for all images would tie each to those before it.
    generator = torch.Generator(device).manual_seed(seed)
    with test_mode(network, mode), torch.inference_mode():
        for drop in drops:
            drop.generator = generator
        try:
            batch = x[None].to(device).contiguous(memory_format=torch.channels_last)
            made = cast(Tensor, network(batch))[0].cpu()
        finally:
            for drop in drops:
                drop.generator = None
    shown = x.expand(3, -1, -1) if task.inputs == 1 else x
    colors = TASKS["AtoB"].decode
    wanted = task.decode(x, y) if task.outputs != 3 else target
    return Translated(colors(x, shown), task.decode(x, made), wanted)


def generate(
    generator: GeneratorFile,
    pairs: Pairs,
    out: Path,
    *,
    size: int,
    mode: TestMode = "paper",
    seed: int = 0,
    device: str = "cpu",
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Generated:
    """Translate every pair and write ``input/``, ``output/``, ``target/`` and ``generated.json``.

    An image depends on the generator, the pair, the mode and the seed, not on the other images or
    on the number of workers.

    Args:
        generator: The network and where it came from.
        pairs: What to translate.
        out: The experiment's folder; its name will be the experiment's.
        size: Side of the images that the generator gets.
        mode: ``paper`` or ``eval``, as of :func:`p2p_eval.models.layers.test_mode`.
        seed: Of the dropout.
        device: ``cpu`` or a CUDA device.
        workers: Threads; the number of cores by default.
        progress: Called with images done and images in all.

    Raises:
        InputError: The generator does not fit the task or the size, an image cannot be read, or
            ``out`` holds other files or cannot be written.
    """
    task = TASKS[pairs.task]
    channels = generator.settings.get("inputs"), generator.settings.get("outputs")
    if channels != (task.inputs, task.outputs):
        raise InputError(
            f"got a generator of {channels[0]} to {channels[1]} channels, expected {task.inputs} "
            f"to {task.outputs} for {task.name}; give the task that it was trained for"
        )
    if size % cast(int, generator.network.size):
        raise InputError(
            f"got size {size}, expected a multiple of {generator.network.size}, which this "
            "generator halves down to one pixel"
        )
    make_folders([out / part for part in PARTS], [f"{pair.name}.png" for pair in pairs.pairs])
    network = generator.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    mine = threading.local()

    def one(number: int) -> None:
        if not hasattr(mine, "network"):
            mine.network = _twin(network)
        source, target = pairs.read(number, size)
        name = pairs.pairs[number].name
        images = translate(mine.network, task, source, target, mode, _seed_of(seed, name))
        for part, image in zip(PARTS, (images.source, images.output, images.target), strict=True):
            save_png(out / part / f"{name}.png", image)

    with arithmetic() if device == "cpu" else ExitStack():
        for done, _ in enumerate(ahead(one, range(len(pairs)), workers or os.cpu_count() or 1), 1):
            if progress is not None:
                progress(done, len(pairs))
    facts = _provenance(generator, pairs, size, mode, seed, device)
    write_atomic(out / PROVENANCE, json.dumps(facts, indent=2, sort_keys=True).encode())
    return Generated(out, facts, generator.notes)


def generate_from_file(
    path: Path,
    data: Path,
    out: Path,
    *,
    split: str | None = "test",
    task: str | None = None,
    label_set: str | None = None,
    size: int | None = None,
    mode: str | None = None,
    dropout: bool = True,
    **options: Any,
) -> Generated:
    """Translate a data set with the generator of a file; what is not said is as in its training.

    Args:
        path: A run's folder, or a file that :func:`~p2p_eval.models.load_generator` reads.
        data: A folder that :func:`~p2p_eval.datasets.paired.find_pairs` understands.
        out: As of :func:`generate`.
        split: Folder in ``data`` to take, where there is one.
        task: What is translated into what.
        label_set: Of maps of label ids.
        size: Side of the images that the generator gets.
        mode: ``paper`` or ``eval``.
        dropout: Whether a U-Net of the PyTorch code was trained with dropout.
        options: ``device``, ``workers``, ``seed`` and ``progress`` of :func:`generate`.

    Raises:
        InputError: The file does not say for which task it was trained, and nobody else does; or as
            of :func:`generate`.
        WeightsError: The file holds no generator.
    """
    generator = load_generator(path / GENERATOR if path.is_dir() else path, dropout=dropout)
    trained = json.loads(generator.metadata.get("run", "{}")).get("config", {})
    task = task or trained.get("task")
    if task is None:
        raise InputError(
            f"{path}: does not say what it was trained for; give --task, one of {', '.join(TASKS)}"
        )
    if task not in TASKS:
        raise InputError(f"got task {task!r}, expected one of {', '.join(TASKS)}")
    name = label_set or trained.get("label_set")
    pairs = find_pairs(data, task, split, labels.label_set(name) if name else None)
    mode = mode or generator.metadata.get("test_mode", "paper")
    size = size or trained.get("size", 256)
    return generate(generator, pairs, out, size=size, mode=cast(TestMode, mode), **options)


def _twin(network: nn.Module) -> nn.Module:
    """Return a network with the same weights and a state of its own, for a thread of its own."""
    shared = {id(parameter): parameter for parameter in network.parameters()}
    return copy.deepcopy(network, shared)


def _seed_of(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\n{name}".encode()).digest()[:8], "little") >> 1


def _provenance(
    generator: GeneratorFile, pairs: Pairs, size: int, mode: str, seed: int, device: str
) -> dict[str, Any]:
    training = {
        key: json.loads(value) if key == "run" else value
        for key, value in generator.metadata.items()
    }
    return {
        "schema": "p2p-eval/generated/1",
        "signature": _signature(generator, training, pairs.task, size, mode, seed),
        "version": __version__,
        "generator": {
            "sha256": generator.sha256,
            "kind": generator.kind,
            "settings": dict(generator.settings),
            "training": training,
            "notes": list(generator.notes),
        },
        "task": pairs.task,
        "data": pairs.fingerprint,
        "images": len(pairs),
        "size": size,
        "test_mode": mode,
        "dropout_seed": seed,
        "device": device.partition(":")[0],
    }


def _signature(
    generator: GeneratorFile,
    training: Mapping[str, Any],
    task: str,
    size: int,
    mode: str,
    seed: int,
) -> str:
    """Give the line that says what made the images, known deviations from the paper included."""
    config = training.get("run", {}).get("config", {})
    network, trained = generator.settings, {}
    for key in ("loss", "patch", "schedule", "steps", "epochs", "batch", "learning_rate", "seed"):
        trained[key.replace("_", "-")] = str(config.get(key, "unknown"))
    settings = {
        "task": task,
        "kind": generator.kind if network.get("skips", True) else "encoder-decoder",
        "width": str(network.get("width")),
        "norm": str(network.get("norm", "batch")),
        "bottleneck-norm": "yes" if network.get("bottleneck_norm") else "no",
        "dropout": str(network.get("dropout")),
        **trained,
        "steps": training.get("steps", "unknown"),
        "test-mode": mode,
        "dropout-seed": str(seed) if mode == "paper" else "none",
        "size": str(size),
        "weights": generator.sha256[:12],
        "version": __version__,
    }
    return str(Signature("generator", settings))
