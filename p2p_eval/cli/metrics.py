"""``p2p-eval metrics``: generated images against the real ones."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from p2p_eval.cli import options
from p2p_eval.cli.exits import LEFT_OUT, exit_codes
from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.remarks import print_remarks, remark
from p2p_eval.cli.table import print_table
from p2p_eval.errors import InputError

if TYPE_CHECKING:
    from p2p_eval.scoring.comparison import Compared, MetricComparison
    from p2p_eval.scoring.diversity_report import DiversityReport
    from p2p_eval.scoring.metrics_report import ImageMetricsReport

__all__ = ["metrics", "print_metrics"]

ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0"}


def metrics(
    results: options.ResultsFolders,
    names: Annotated[
        str | None,
        typer.Option(
            "--metrics",
            help=escape(
                "Names with commas between: psnr, ssim, ssim[no-downsample], ssim[rgb], ms-ssim, "
                "gmsd, lpips (which is lpips[alex]), lpips[vgg], lpips[squeeze], ciede2000, "
                "spectrum, fid, kid."
            ),
            show_default="psnr,ssim,gmsd,lpips",
            metavar="NAMES",
        ),
    ] = None,
    real: options.Real = None,
    lpips_weights: Annotated[
        Path | None,
        typer.Option(
            "--lpips-weights",
            help="File of the LPIPS backbone's weights (torchvision's .pth, or .safetensors), "
            "where torch's cache has none.",
            parser=options.given_path,
            metavar="FILE",
        ),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="Also compare each further experiment with the first, image by image."
        ),
    ] = False,
    diversity: Annotated[
        bool,
        typer.Option(
            "--diversity",
            help="Take each experiment for one sample of the same inputs, as dropout gives them, "
            "and measure by LPIPS how much the samples differ, and nothing else.",
        ),
    ] = False,
    layout: options.Layout = "auto",
    out: options.Out = Path("p2p-eval-out"),
    device: options.Device = "auto",
    workers: options.Workers = None,
    seed: options.Seed = 0,
    fresh: options.Fresh = False,
    keep_going: options.KeepGoing = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Measure how near generated images are to the real ones: PSNR, SSIM, GMSD, LPIPS and more.

    Prints each metric's mean over images with its 95 % interval, and writes per_image.csv with
    every value. Metrics whose weights are not there are named, and the others run. An interrupted
    run goes on where it stopped, and values that the files hold are not measured again. The files
    hold the metrics of the last run: to add one, name it and those that are to stay.

    Example: p2p-eval metrics results/ --metrics psnr,ssim,lpips
    """
    with exit_codes(debug):
        common: dict[str, Any] = {
            "layout": layout,
            "out": out,
            "device": device,
            "workers": workers,
            "seed": seed,
            "fresh": fresh,
            "keep_going": keep_going,
            "lpips_weights": lpips_weights,
        }
        with progress_bar("measuring", quiet=quiet) as progress:
            if diversity:
                if compare or real is not None:
                    raise InputError(
                        "got --diversity with --compare or --real, expected it without: it "
                        "measures samples against each other"
                    )
                from p2p_eval.scoring.diversity import diversity as measure

                varied = measure(results, metric=names or "lpips", progress=progress, **common)
            else:
                from p2p_eval.scoring.image_metrics import image_metrics
                from p2p_eval.scoring.metric_choice import DEFAULT_METRICS

                report = image_metrics(
                    results,
                    metrics=DEFAULT_METRICS if names is None else names,
                    real=real,
                    compare=compare,
                    progress=progress,
                    **common,
                )
        if diversity:
            complete = _show_diversity(varied, as_json=as_json, quiet=quiet)
        else:
            complete = _show_metrics(report, as_json=as_json, quiet=quiet)
            complete &= not (report.unavailable and names is not None)
        if not complete:
            raise typer.Exit(LEFT_OUT)


def _show_metrics(report: ImageMetricsReport, *, as_json: bool, quiet: bool) -> bool:
    """Print the result, and say whether everything that was there is in it."""
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2))
    else:
        print_metrics(report.to_json()["experiments"])
        if report.compared is not None:
            _print_comparisons(report.compared)
    remark(f"{entry.metric} is not available: {entry.reason}" for entry in report.unavailable)
    if report.compared is not None:
        remark(report.compared.refused)
    print_remarks(report, quiet=quiet)
    return not (report.left_out or (report.compared is not None and report.compared.refused))


def _show_diversity(report: DiversityReport, *, as_json: bool, quiet: bool) -> bool:
    """Print the result, and say whether everything that was there is in it."""
    if as_json:
        document = {
            "schema": "p2p-eval/metrics/1",
            "experiments": [],
            "unavailable": [],
            "diversity": report.to_json(),
        }
        typer.echo(json.dumps(document, indent=2))
    else:
        figures = report.to_json()
        print_table(
            "Diversity: mean over all pairs of samples of one input, then over inputs, with half "
            "its 95 % interval",
            ("metric", "samples", "inputs", "diversity ↑"),
            [(report.metric, str(len(report.samples)), str(len(report.values)), _figure(figures))],
        )
    print_remarks(report, quiet=quiet)
    return not report.left_out


def print_metrics(experiments: Sequence[dict[str, Any]]) -> None:
    """Print a table of image metrics, as the documents of ``--json`` hold them, on stdout."""
    names = list(dict.fromkeys(name for entry in experiments for name in entry["metrics"]))
    headings = [_heading(name, experiments) for name in names]
    rows = [
        (
            entry["name"],
            str(entry["images"]),
            *(_figure(entry["metrics"].get(name)) for name in names),
        )
        for entry in experiments
    ]
    title = "Image metrics, means with half their 95 % intervals over images"
    print_table(title, ("experiment", "images", *headings), rows)


def _heading(name: str, experiments: Sequence[dict[str, Any]]) -> str:
    facts = next(entry["metrics"][name] for entry in experiments if name in entry["metrics"])
    unit = f", {facts['unit']}" if facts["unit"] else ""
    return f"{name}{unit} {ARROWS[facts['better']]}"


def _figure(facts: dict[str, Any] | None) -> str:
    """Give mean ± half the interval, and how many infinite values are in neither."""
    if facts is None:
        return "–"
    digits = 2 if facts["unit"] else 4
    infinite = f"\n{facts['infinite']} infinite" if facts["infinite"] else ""
    if facts["mean"] is None:
        return f"–{infinite}"
    low, high = facts["ci95"]
    half = "" if low is None else f" ±{(high - low) / 2:.{digits}f}"
    return f"{facts['mean']:.{digits}f}{half}{infinite}"


def _print_comparisons(compared: Compared) -> None:
    rows = [
        (
            entry.a,
            entry.b,
            entry.metric,
            str(entry.figures.count)
            + (f"\n{entry.figures.infinite} infinite" if entry.figures.infinite else ""),
            _difference(entry),
            _p(entry.figures.p),
            {entry.a: "a", entry.b: "b"}.get(entry.winner or "", "no difference shown"),
        )
        for entry in compared.comparisons
    ]
    print_table(
        "Compared on the same images: mean of a − b with its 95 % interval, Wilcoxon's p",
        ("a", "b", "metric", "images", "a − b", "p", "better"),
        rows,
    )


def _difference(entry: MetricComparison) -> str:
    digits = 2 if entry.unit else 4
    unit = f" {entry.unit}" if entry.unit else ""
    (low, high), middle = entry.figures.ci95, entry.figures.difference
    if math.isnan(middle):
        return "–"
    interval = "" if math.isnan(low) else f"\n{low:+.{digits}f} to {high:+.{digits}f}"
    return f"{middle:+.{digits}f}{unit}{interval}"


def _p(p: float) -> str:
    return "–" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
