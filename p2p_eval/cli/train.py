"""``p2p-eval train``: train a reference model."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes, stderr
from p2p_eval.cli.progress import progress_bar

__all__ = ["train"]

LINE_SECONDS = 60.0


def train(
    data: options.Data,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="The run's folder.",
            show_default=False,
            parser=options.given_path,
            metavar="PATH",
        ),
    ],
    config: Annotated[
        str,
        typer.Argument(
            help="paper (Cityscapes), facades, maps, edges, night2day, colorization, inpainting, "
            "scenes, or a TOML file.",
            metavar="[CONFIG]",
        ),
    ] = "paper",
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="labels2photo, photo2labels, AtoB, BtoA, colorization or inpainting.",
            show_default="the configuration's",
        ),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            "--loss",
            help="L1, L2, GAN, cGAN, or a sum as L1+cGAN.",
            show_default="the configuration's",
        ),
    ] = None,
    label_set: options.LabelSet = None,
    split: Annotated[
        str, typer.Option("--split", help="Folder in --data to take, where there is one.")
    ] = "train",
    other: options.Set = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, show_default="the configuration's")
    ] = None,
    device: options.Device = "auto",
    workers: Annotated[int, typer.Option("--workers", min=1, help="Threads that read.")] = 2,
    minutes: options.Minutes = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, whatever is there.")] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write events for TensorBoard.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Train a pix2pix generator as the paper does: U-Net or encoder-decoder, PatchGAN, any loss.

    Writes OUT/generator.safetensors, and as it goes a checkpoint, losses as CSV and plot, and
    sheets of samples. A run that was stopped at any moment goes on when the same command is given
    again; on a CPU it ends with the same weights.

    Example: p2p-eval train scenes --data scenes --loss L1+cGAN --out runs/L1+cGAN
    """
    with exit_codes(debug):
        from p2p_eval.datasets.paired import find_pairs
        from p2p_eval.device import pick_device
        from p2p_eval.training.config import given_values, labels_of, read_config
        from p2p_eval.training.loop import train as run

        named = {"task": task, "loss": loss, "label_set": label_set, "seed": seed}
        changes = {key: value for key, value in named.items() if value is not None}
        chosen = read_config(config, given_values(other or []) | changes)
        pairs = find_pairs(data, chosen.task, split, labels_of(chosen))
        with progress_bar("training", quiet=quiet) as progress:
            last = time.monotonic()

            def told(step: int, steps: int, losses: dict[str, float]) -> None:
                nonlocal last
                shown = "  ".join(f"{name} {value:.3g}" for name, value in losses.items())
                progress(step, steps, shown)
                now = time.monotonic()
                if not (quiet or sys.stderr.isatty()) and now - last > LINE_SECONDS:
                    last = now  # for logs, where there is no bar
                    stderr.print(f"step {step}/{steps}  {shown}", markup=False)

            result = run(
                chosen,
                pairs,
                out,
                device=str(pick_device(device)),
                minutes=minutes,
                fresh=fresh,
                workers=workers,
                tensorboard=tensorboard,
                told=told,
            )
        if result.step < result.steps and not quiet:
            stderr.print(
                f"stopped at step {result.step} of {result.steps}; the same command goes on",
                markup=False,
            )
        if as_json:
            document = {
                "schema": "p2p-eval/train/1",
                "generator": str(result.generator),
                "step": result.step,
                "steps": result.steps,
                "pairs": len(pairs),
                "losses": result.losses,
            }
            typer.echo(json.dumps(document, indent=2))
        else:
            typer.echo(str(result.generator))
