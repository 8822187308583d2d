"""``p2p-eval doctor``: what would make a score wrong, before an hour is spent on it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import BAD_INPUT, exit_codes
from p2p_eval.cli.progress import progress_bar

if TYPE_CHECKING:
    from p2p_eval.results.doctor import Diagnosis

__all__ = ["doctor"]

ARROWS = {"labels-to-photo": "labels→photo, ", "photo-to-labels": "photo→labels, "}
COLORS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def doctor(
    results: options.Results,
    cityscapes: options.Cityscapes = None,
    labels: options.Labels = None,
    real: options.Real = None,
    label_set: Annotated[
        str | None,
        typer.Option(
            "--label-set",
            help="cityscapes, camvid, facades, scenes or a CSV file.",
            show_default="the weights'; without labels the inputs' colours'; else cityscapes",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            help="Also run this network on three frames of each experiment: images in which it "
            "sees one class only are found before an hour is spent.",
        ),
    ] = None,
    layout: options.Layout = "auto",
    device: options.Device = "auto",
    workers: options.Workers = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Say which layout RESULTS has, what was paired, and everything that would spoil a score.

    Finds names that match nothing, JPEG results, labels that were resized, are colour images or
    train ids already, odd sizes and modes, duplicates, and images that all show one class.
    Experiments whose real images are painted in label colours are examined as seg-score's, all
    others as fcn-score's. Exits with 2 when a score of the folder would be wrong or impossible.

    Example: p2p-eval doctor results/ --cityscapes ~/data/cityscapes
    """
    with exit_codes(debug):
        from fcn.labels import label_set as find_label_set
        from p2p_eval.results.doctor import diagnose

        table = None if label_set is None else find_label_set(label_set)
        predictor = None
        if weights is not None:
            from p2p_eval.scoring.predictor import NetworkPredictor
            from p2p_eval.scoring.scorer import check_outputs, load_scorer

            loaded, table = load_scorer(weights, label_set)
            check_outputs(loaded.outputs, table)
            predictor = NetworkPredictor(loaded, device=device)
        with progress_bar("looking", quiet=quiet) as progress:
            diagnosis = diagnose(
                results,
                layout=layout,
                real=real,
                cityscapes=cityscapes,
                labels=labels,
                label_set=table,
                workers=workers,
                progress=progress,
            )
        if diagnosis.healthy:
            from p2p_eval.scoring.decoder import ColorDecoder
            from p2p_eval.scoring.trial import try_frames

            table, pairings = diagnosis.label_set, diagnosis.pairings
            painted = [p for p in pairings if p.direction == "photo-to-labels"]
            found = try_frames(painted, table, ColorDecoder(table))
            if predictor is not None:
                photos = [p for p in pairings if p.direction == "labels-to-photo"]
                with progress_bar("trying the network", quiet=quiet) as progress:
                    found += try_frames(photos, table, predictor, progress=progress)
            diagnosis = replace(diagnosis, findings=(*found, *diagnosis.findings))
        if as_json:
            typer.echo(json.dumps(_document(diagnosis), indent=2))
        else:
            _print(diagnosis, quiet=quiet)
        if not diagnosis.healthy:
            raise typer.Exit(BAD_INPUT)


def _document(diagnosis: Diagnosis) -> dict[str, object]:
    pairings = {pairing.experiment.name: pairing for pairing in diagnosis.pairings}
    return {
        "schema": "p2p-eval/doctor/1",
        "label_set": diagnosis.label_set.name,
        "healthy": diagnosis.healthy,
        "experiments": [
            {
                "name": experiment.name,
                "layout": experiment.layout,
                "direction": pairing.direction if pairing else None,
                "folder": str(experiment.folder),
                "images": len(experiment.items),
                "pairs": len(pairing.frames) if pairing else 0,
                "how": pairing.how if pairing else None,
            }
            for experiment in diagnosis.experiments
            for pairing in [pairings.get(experiment.name)]
        ],
        "findings": [asdict(finding) for finding in diagnosis.findings],
    }


def _print(diagnosis: Diagnosis, *, quiet: bool) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    pairings = {pairing.experiment.name: pairing for pairing in diagnosis.pairings}
    for experiment in diagnosis.experiments:
        pairing = pairings.get(experiment.name)
        direction = ARROWS[pairing.direction] if pairing else ""
        console.print(
            f"[bold]{escape(experiment.name)}[/]: layout {experiment.layout}, {direction}"
            f"{len(experiment.items)} images, {len(pairing.frames) if pairing else 0} pairs with "
            f"labels ({escape(pairing.how) if pairing else 'no labels'})"
        )
    findings = [f for f in diagnosis.findings if not (quiet and f.level == "note")]
    for finding in findings:
        level, _, text = str(finding).partition(": ")
        console.print(f"[{COLORS[finding.level]}]{level}[/]: {escape(text)}")
    if not findings and not quiet:
        console.print("[green]nothing wrong found[/]")
