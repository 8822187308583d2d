"""Translate pairs with a trained generator: a results folder that every scoring command takes."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fcn import labels
from p2p_eval.datasets.paired import Pairs, find_pairs, held_out
from p2p_eval.datasets.save import make_folders, save_png
from p2p_eval.datasets.tasks import TASKS, Task
from p2p_eval.errors import InputError
from p2p_eval.models.generator_file import GeneratorFile, load_generator
from p2p_eval.models.generators import Generator
from p2p_eval.models.layers import Dropout, TestMode, fastest_layout, test_mode
from p2p_eval.models.resnet import ResnetGenerator
from p2p_eval.results.provenance import PROVENANCE
from p2p_eval.scores.store import remove, write_atomic
from p2p_eval.threads import ahead, arithmetic
from p2p_eval.training.config import Config
from p2p_eval.training.origin import facts_of_images, trained_on, training_of, unfinished

__all__ = [
    "GENERATOR",
    "Generated",
    "Translated",
    "generate",
    "generate_from_file",
    "translate",
    "write_ground_truth",
]

GENERATOR = "generator.safetensors"
"""The generator's file in a run's folder."""

GPU_WORKERS = 4
"""Threads that read, run and write on a GPU: more would only hold more of its memory."""

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
    x, _ = task.encode(source, target)
    drops = [module for module in network.modules() if isinstance(module, Dropout)]
    # One generator for all images would tie each to those before it.
    generator = torch.Generator(device).manual_seed(seed)
    with test_mode(network, mode), torch.inference_mode():
        for drop in drops:
            drop.generator = generator
        try:
            batch = x[None].to(device).contiguous(memory_format=fastest_layout(network, device))
            made = cast(Tensor, network(batch))[0].cpu()
        finally:
            for drop in drops:
                drop.generator = None
    shown = x.expand(3, -1, -1) if task.inputs == 1 else x
    colors = TASKS["AtoB"].decode
    return Translated(colors(x, shown), task.decode(x, made), target)


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
        workers: Threads; by default the number of cores, of a GPU four at most.
        progress: Called with images done and images in all.

    Raises:
        InputError: The generator does not fit the task, the size or the mode, an image cannot be
            read, or ``out`` holds other files or cannot be written.
        WeightsError: What the generator's file says of its training cannot be.
    """
    task, network = TASKS[pairs.task], generator.network
    _check_fits(generator, task, size, mode)
    facts = facts_of_images(generator, pairs, size=size, mode=mode, seed=seed, device=device)
    make_folders([out], [*PARTS, PROVENANCE])
    make_folders([out / part for part in PARTS], [f"{pair.name}.png" for pair in pairs.pairs])
    remove(out / PROVENANCE)  # of images that are now replaced one by one
    layout = fastest_layout(network, device)
    network.to(device, memory_format=layout)  # type: ignore[call-overload]
    mine = threading.local()

    def one(number: int) -> None:
        if not hasattr(mine, "network"):
            mine.network = _twin(network)
        source, target = pairs.read(number, size)
        name = pairs.pairs[number].name
        images = translate(mine.network, task, source, target, mode, _seed_of(seed, name))
        for part, image in zip(PARTS, (images.source, images.output, images.target), strict=True):
            save_png(out / part / f"{name}.png", image)

    count = os.cpu_count() or 1
    with arithmetic():
        threads = workers or (count if device == "cpu" else min(count, GPU_WORKERS))
        for done, _ in enumerate(ahead(one, range(len(pairs)), threads), 1):
            if progress is not None:
                progress(done, len(pairs))
    write_atomic(out / PROVENANCE, json.dumps(facts, indent=2, sort_keys=True).encode())
    notes = [*generator.notes, *([] if (told := unfinished(generator)) is None else [told])]
    if trained_on(generator) == pairs.fingerprint:
        notes.append("warning: these are the images that the generator was trained on")
    return Generated(out, facts, tuple(notes))


def _check_fits(generator: GeneratorFile, task: Task, size: int, mode: str) -> None:
    network, kind = cast(Generator | ResnetGenerator, generator.network), generator.kind
    if (network.inputs, network.outputs) != (task.inputs, task.outputs):
        raise InputError(
            f"got a generator of {network.inputs} to {network.outputs} channels, expected "
            f"{task.inputs} to {task.outputs} for {task.name}; give the task that it was trained "
            "for"
        )
    if size % network.size or (kind == "resnet" and size < 2 * network.size):
        raise InputError(
            f"got size {size}, expected a multiple of {network.size}, by which this generator "
            "halves and doubles"
        )
    if mode == "paper" and generator.settings.get("bottleneck_norm") and size == network.size:
        raise InputError(
            "got test mode paper, expected eval: this generator has a norm where one pixel is "
            "left, and of a single image that is zero"
        )


def generate_from_file(
    path: Path,
    data: Path,
    out: Path,
    *,
    split: str | None = None,
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
        split: Folder in ``data`` to take; by default what is held out.
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
    if path.is_dir():
        path = path / GENERATOR
    if not path.exists():
        raise InputError(
            f"{path}: there is no such file, expected a run's folder or its {GENERATOR}, as "
            "`p2p-eval train` makes them, or a latest_net_G.pth"
        )
    generator = load_generator(path, dropout=dropout)
    trained = training_of(generator)
    if task is None and trained is None:
        raise InputError(
            f"{path}: does not say what it was trained for; give --task, one of {', '.join(TASKS)}"
        )
    base = trained or Config()
    task = task or base.task
    if task not in TASKS:
        raise InputError(f"got task {task!r}, expected one of {', '.join(TASKS)}")
    name = label_set or base.label_set
    chosen = held_out(data) if split is None else split
    pairs = find_pairs(data, task, chosen, labels.label_set(name) if name else None)
    mode = mode or base.test_mode
    return generate(
        generator, pairs, out, size=size or base.size, mode=cast(TestMode, mode), **options
    )


def write_ground_truth(pairs: Pairs, folder: Path, size: int) -> None:
    """Write the real images as an experiment of their own, for a table's ground-truth row.

    Args:
        pairs: Whose targets are the real images.
        folder: The experiment's; its ``output/`` and ``target/`` are the same.
        size: Side of the images, as of those that a generator makes.

    Raises:
        InputError: An image cannot be read, or the folder holds other files.
    """
    parts = folder / "output", folder / "target"
    make_folders(parts, [f"{pair.name}.png" for pair in pairs.pairs])
    for number, pair in enumerate(pairs.pairs):
        real = pairs.read(number, size)[1]
        for part in parts:
            save_png(part / f"{pair.name}.png", real)


def _twin(network: nn.Module) -> nn.Module:
    """Return a network with the same weights and a state of its own, for a thread of its own."""
    shared = {id(parameter): parameter for parameter in network.parameters()}
    return copy.deepcopy(network, shared)


def _seed_of(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\n{name}".encode()).digest()[:8], "little") >> 1
