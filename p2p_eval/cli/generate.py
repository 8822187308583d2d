"""``p2p-eval generate``: translate images with a trained generator."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes
from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.remarks import remark

__all__ = ["generate"]


class Mode(StrEnum):
    """How a trained generator is run."""

    paper = "paper"
    eval = "eval"


def generate(
    generator: Annotated[
        Path,
        typer.Argument(
            help="A run's folder, its generator.safetensors, or a latest_net_G.pth of "
            "pytorch-CycleGAN-and-pix2pix.",
            show_default=False,
            parser=options.given_path,
            metavar="GENERATOR",
        ),
    ],
    data: options.Data,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="The experiment's folder in a results folder.",
            show_default=False,
            parser=options.given_path,
            metavar="PATH",
        ),
    ],
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            help="Folder in --data to take, where there is one.",
            show_default="test, else val",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="labels2photo, photo2labels, AtoB, BtoA, colorization or inpainting.",
            show_default="what it was trained for",
        ),
    ] = None,
    label_set: options.LabelSet = None,
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            min=8,
            max=8192,
            help="Side of the images that it gets; larger than in training will do.",
            show_default="as in training, else 256",
        ),
    ] = None,
    mode: Annotated[
        Mode | None,
        typer.Option(
            "--test-mode",
            help="paper: with dropout and the image's own statistics; eval: without, with running "
            "ones.",
            show_default="what it was trained with, else paper",
        ),
    ] = None,
    no_dropout: Annotated[
        bool,
        typer.Option("--no-dropout", help="A U-Net's latest_net_G.pth was trained with that."),
    ] = False,
    device: options.Device = "auto",
    workers: options.Workers = None,
    seed: options.Seed = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Translate every image of a data set and write a results folder that every score takes.

    OUT gets input/, output/ and target/ with the same names, and generated.json, which says what
    made them. The same generator, images, mode and seed give the same images.

    Example: p2p-eval generate runs/L1+cGAN --data scenes --out results/L1+cGAN
    """
    with exit_codes(debug):
        from p2p_eval.device import pick_device
        from p2p_eval.training.generate import generate_from_file

        with progress_bar("translating", quiet=quiet) as progress:
            made = generate_from_file(
                generator,
                data,
                out,
                split=split,
                task=task,
                label_set=label_set,
                size=size,
                mode=None if mode is None else mode.value,
                dropout=not no_dropout,
                device=str(pick_device(device)),
                workers=workers,
                seed=seed,
                progress=progress,
            )
        remark(note for note in made.notes if not quiet or note.startswith("warning: "))
        if as_json:
            typer.echo(json.dumps(made.facts, indent=2, sort_keys=True))
        else:
            typer.echo(str(made.folder))
