"""Train an FCN-8s: ``python -m fcn.train RECIPE --data DIR --out DIR``.

One loop, top to bottom, in :func:`train`. A run that is killed at any moment goes on from its last
checkpoint when the same command is given again, and on the CPU ends with the same weights.

Source: Long, Shelhamer, Darrell, *Fully Convolutional Networks for Semantic Segmentation*,
CVPR 2015, for the ``cityscapes`` recipe's optimiser and loss.
"""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
import typer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from fcn.batchnorm import NormalizedFCN8s
from fcn.checkpoint import read_checkpoint, write_checkpoint
from fcn.data import Draws, collate, find_pairs, fingerprint
from fcn.errors import FCNError, RecipeError, TrainingError, shown
from fcn.initial import initialize
from fcn.labels import IGNORED, LabelSet, check_plain_name, label_set
from fcn.network import FCN8s, layer_widths, preprocess
from fcn.recipe import Recipe, load_recipe
from fcn.validate import validate
from fcn.vgg import imagenet_vgg16
from fcn.weights import load_weights, save_weights

__all__ = ["train"]

REPORT_SECONDS = 10.0


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    val: Path | None = None,
    weights: Path | None = None,
    device: str = "cpu",
    workers: int = 0,
    minutes: float | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Train by a recipe and write ``weights.safetensors``.

    Args:
        recipe: What to do.
        data: Folder of training photos and label maps (:func:`fcn.data.find_pairs`).
        out: Where the checkpoint and the weights go.
        val: Folder of validation photos; the ``val`` split of a Cityscapes tree.
        weights: Start from these instead of what the recipe says; batch norm is then off.
        device: ``cpu`` or a CUDA device.
        workers: Processes that read data beside this one.
        minutes: Stop after this long, with a checkpoint to go on from and the weights so far.
        say: Takes one line of progress at a time.

    Returns:
        The path of the weights: a plain FCN-8s.

    Raises:
        DataError: Photos or label maps are missing, unpaired or unreadable.
        RecipeError: The recipe does not fit the label set.
        LabelSetError: There is no such label set, or weights could not carry its name.
        TrainingError: The loss is not finite, or the checkpoint in ``out`` is of another run.
        WeightsError, DownloadError: The weights to start from do not fit or cannot be had.
    """
    began = time.monotonic()
    labels = label_set(recipe.label_set)
    check_plain_name(labels.name)  # now, not when the weights are written
    if recipe.class_weights and len(recipe.class_weights) != labels.num_classes:
        raise RecipeError(
            f"recipe {recipe.name}: got {len(recipe.class_weights)} class_weights, expected one "
            f"for each of the {labels.num_classes} classes of {labels.name}"
        )
    pairs = find_pairs(data, "train")
    val_pairs = find_pairs(val, "val") if val else []
    data_print = fingerprint(pairs)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{out}: cannot be made: {error}") from error
    checkpoint = out / "checkpoint.pt"

    torch.manual_seed(recipe.seed)
    step = 0
    saved = None
    origin = recipe.start
    if weights:
        given = load_weights(weights)
        origin = given.sha256
        recipe = replace(recipe, batch_norm=False)
    if checkpoint.exists():
        saved = read_checkpoint(checkpoint, recipe=recipe.as_dict(), data=data_print, start=origin)
    model = _build(recipe, labels)
    if not saved:
        initialize(model)
        if weights:
            _start_from(model, given.state)
        elif recipe.start == "imagenet":
            _start_from(model, imagenet_vgg16())
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = _optimizer(model, recipe)
    if saved:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        _set_random_state(saved["rng"], device)
        step = saved["step"]
        say(f"goes on after step {step} of {checkpoint}")

    # A 20th output, where the label set has one, is no class: it has a weight, but no pixel.
    class_weights = torch.ones(labels.outputs, device=device)
    if recipe.class_weights:
        class_weights[: labels.num_classes] = torch.tensor(recipe.class_weights)
    batches = DataLoader(
        Draws(pairs, labels, recipe),
        batch_size=recipe.batch,
        sampler=range(step * recipe.batch, recipe.steps * recipe.batch),
        num_workers=workers,
        collate_fn=collate,
        pin_memory=device != "cpu",
        # Its own, so that starting to read leaves the generator of the dropout alone.
        generator=torch.Generator(),
    )

    def save() -> None:
        write_checkpoint(
            checkpoint,
            {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "rng": _random_state(device),
                "step": step,
                "recipe": recipe.as_dict(),
                "data": data_print,
                "start": origin,
            },
        )

    model.train()
    first, reported = step, began
    for photos, train_ids in batches:
        rate = recipe.learning_rate * _schedule(recipe, step)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        x = preprocess(photos.to(device, non_blocking=True))
        y = train_ids.to(device, non_blocking=True)
        with torch.autocast(device.split(":")[0], torch.bfloat16, recipe.precision == "bf16"):
            scores = model(x.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(
            scores.float(), y, class_weights, ignore_index=IGNORED, reduction="sum"
        )
        if recipe.loss == "mean":
            loss = loss / (y != IGNORED).sum().clamp(min=1)
        if not math.isfinite(loss.item()):
            raise TrainingError(
                f"the loss is {loss.item()} at step {step + 1} with learning rate {rate:g}: lower "
                f"learning_rate or raise warmup in recipe {recipe.name}. "
                f"{checkpoint} holds the last good state, if one was written."
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        step += 1

        now = time.monotonic()
        out_of_time = minutes is not None and now - began > 60 * minutes
        if now - reported > REPORT_SECONDS or step == recipe.steps:
            reported = now
            left = (recipe.steps - step) * (now - began) / (step - first)
            say(
                f"step {step}/{recipe.steps}  loss {loss.item():.4g}  rate {rate:.2g}  "
                f"{(step - first) * recipe.batch / (now - began):.2f} photos/s  "
                f"{left / 60:.1f} min left"
            )
        if step % recipe.checkpoint_every == 0 or step == recipe.steps or out_of_time:
            save()
        if val_pairs and step % recipe.validate_every == 0 and step < recipe.steps:
            result = validate(_export(model), val_pairs, labels, recipe.photo_size, device)
            say(f"step {step}: {_told(result)}")
        if out_of_time and step < recipe.steps:
            say(f"out of time after step {step}; the same command goes on from here")
            break

    plain = _export(model)
    metadata = {
        "label_set": labels.name,
        "recipe": json.dumps(recipe.as_dict(), sort_keys=True),
        "steps": str(step),
        "data": data_print,
        "made_by": f"p2p-eval {_version()}",
    }
    if val_pairs:
        result = validate(plain, val_pairs, labels, recipe.photo_size, device)
        say(f"step {step}: {_told(result)}")
        metadata |= {f"val_{name}": f"{value:.6f}" for name, value in result.items()}
    path = out / "weights.safetensors"
    state = {name: tensor.cpu().contiguous() for name, tensor in plain.state_dict().items()}
    save_weights(state, path, metadata)
    say(f"wrote {path}")
    return path


def _told(result: dict[str, float]) -> str:
    return "validation " + ", ".join(f"{k.replace('_', ' ')} {v:.4f}" for k, v in result.items())


def _build(recipe: Recipe, labels: LabelSet) -> FCN8s:
    kind = NormalizedFCN8s if recipe.batch_norm else FCN8s
    model = kind(labels.outputs, layer_widths(recipe.widths))
    model.dropout.p = recipe.dropout
    return model


def _start_from(model: FCN8s, given: dict[str, Tensor]) -> None:
    """Copy layers into a network; those that are not given stay as they are."""
    state = model.state_dict()
    for name, tensor in given.items():
        if name not in state or state[name].shape != tensor.shape:
            expected = tuple(state[name].shape) if name in state else "no such tensor"
            raise RecipeError(
                f"{name}: the recipe's network has {expected}, the weights to start from have "
                f"{tuple(tensor.shape)}; make widths and label_set of the recipe fit them"
            )
        state[name] = tensor
    model.load_state_dict(state)


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW or SGD, with decay on the weights of (de)convolutions only."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": recipe.weight_decay, "factor": 1.0},
        {"params": others, "weight_decay": 0.0, "factor": recipe.bias_factor},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def _schedule(recipe: Recipe, step: int) -> float:
    """Return the factor of the learning rate before a step, counted from 0."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    if recipe.schedule == "constant":
        return 1.0
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


def _export(model: FCN8s) -> FCN8s:
    """Return the plain network as it now is, for scoring and for shipping."""
    state = model.folded() if isinstance(model, NormalizedFCN8s) else model.state_dict()
    return FCN8s.from_state({name: tensor.detach().clone() for name, tensor in state.items()})


def _random_state(device: str) -> list[Tensor]:
    # Dropout draws on the device that it runs on.
    states = [torch.get_rng_state()]
    return states if device == "cpu" else [*states, torch.cuda.get_rng_state(device)]


def _set_random_state(states: list[Tensor], device: str) -> None:
    torch.set_rng_state(states[0])
    if device != "cpu" and len(states) > 1:
        torch.cuda.set_rng_state(states[1], device)


def _device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise TrainingError(f"got device {name!r}, expected auto, cpu, cuda or cuda:N")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda" if count else "cpu"
    if name != "cpu" and int(name.partition(":")[2] or 0) >= count:
        raise TrainingError(f"got device {name}, but this machine has {count} CUDA devices")
    return name


def _version() -> str:
    try:
        return version("p2p-eval")
    except PackageNotFoundError:
        return "from a source tree"


def _main(
    recipe: Annotated[str, typer.Argument(help="scenes, camvid, cityscapes, or a TOML file.")],
    data: Annotated[Path, typer.Option(help="Photos and label maps to train on.")],
    out: Annotated[Path, typer.Option(help="Where the checkpoint and the weights go.")],
    val: Annotated[Path | None, typer.Option(help="Photos and label maps to validate on.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights to start from.")] = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Start from random weights, not ImageNet's.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that read data.")] = 0,
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after so long.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Train an FCN-8s by a recipe. Example: fcn.train scenes --data train/ --out run/."""
    if threads:
        torch.set_num_threads(threads)
    try:
        device = _device(device)
        chosen = load_recipe(recipe)
        if from_scratch:
            chosen = replace(chosen, start="scratch")
        train(
            chosen, data, out, val=val, weights=weights, device=device, workers=workers,
            minutes=minutes, say=(lambda _: None) if quiet else _to_stderr,
        )  # fmt: skip
    except (FCNError, OSError) as error:
        typer.echo(f"fcn.train: {shown(str(error))}", err=True)
        raise typer.Exit(2) from error
    except KeyboardInterrupt as interrupt:
        typer.echo("fcn.train: interrupted; the same command goes on from here", err=True)
        raise typer.Exit(130) from interrupt


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(_main)
