"""``p2p-eval gate``: compare score files with a baseline, or keep baselines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes

if TYPE_CHECKING:
    from p2p_eval.gate.baseline import Baseline
    from p2p_eval.gate.settings import Settings

__all__ = ["gate"]

PYPROJECT = Path("pyproject.toml")
SHOWN = 8
"""Baselines that the table of the history shows."""


def gate(
    out: Annotated[
        Path,
        typer.Argument(
            help="Folder of score files, the --out of what scored.",
            parser=options.given_path,
            metavar="[OUT]",
        ),
    ] = Path("p2p-eval-out"),
    update: Annotated[
        bool, typer.Option("--update", help="Write the scores as the next baseline.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the baselines.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Show every figure over the baselines.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            help="With --history: also draw it, as .svg or .png.",
            parser=options.given_path,
            metavar="FILE",
        ),
    ] = None,
    baseline: Annotated[
        Path,
        typer.Option(
            "--baseline", help="Folder of baselines.", parser=options.given_path, metavar="PATH"
        ),
    ] = Path(".p2p-eval"),
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare",
            help="Number or file of a baseline.",
            show_default="the newest",
            metavar="NUMBER|FILE",
        ),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            help="TOML file of tolerances.",
            show_default="[tool.p2p_eval.gate] of pyproject.toml",
            parser=options.given_path,
            metavar="FILE",
        ),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(
            "--junit", help="Also write JUnit XML.", parser=options.given_path, metavar="FILE"
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            "--markdown",
            help="Also write Markdown, for a pull request.",
            parser=options.given_path,
            metavar="FILE",
        ),
    ] = None,
    image_url: Annotated[
        str | None,
        typer.Option(
            "--image-url",
            help="Address of the working directory, where Markdown's readers find the images.",
            show_default="links relative to the file",
            metavar="URL",
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Stop a worse model: compare the score files in OUT with the newest baseline.

    Every figure is tested on the same images by a paired bootstrap, all of them together with
    Holm's correction: better, same, worse, or cannot tell. Exit code 0 where nothing is worse, 1
    where something is, 2 where it cannot be compared: no baseline, other images, another signature,
    a figure missing. Commit the files in .p2p-eval/.

    Example: p2p-eval gate p2p-eval-out --update; git add .p2p-eval; p2p-eval gate p2p-eval-out
    """
    with exit_codes(debug):
        from p2p_eval.errors import InputError

        if sum((update, listed, history)) > 1:
            raise InputError("got two of --update, --list and --history, expected one at a time")
        if plot is not None and not history:
            raise InputError("got --plot without --history, which it draws")
        if listed:
            _list(baseline, as_json=as_json)
        elif history:
            _history(baseline, plot, settings, as_json=as_json)
        elif update:
            _update(out, baseline, settings, as_json=as_json, quiet=quiet)
        else:
            code = _check(
                out, baseline, compare, settings,
                as_json=as_json, junit=junit, markdown=markdown, image_url=image_url, quiet=quiet,
            )  # fmt: skip
            raise typer.Exit(code)


def _check(
    out: Path,
    folder: Path,
    compare: str | None,
    file: Path | None,
    *,
    as_json: bool,
    junit: Path | None,
    markdown: Path | None,
    image_url: str | None,
    quiet: bool,
) -> int:
    from p2p_eval.cli.gate_check import run_check
    from p2p_eval.cli.remarks import remark
    from p2p_eval.gate.measured import read_scores
    from p2p_eval.gate.series import find

    chosen = _settings(file)
    old = find(folder, compare)
    current = read_scores(out)
    if not quiet:
        remark(current.notes)
    return run_check(
        old.scored,
        current.scored,
        chosen,
        out=out,
        source=old.name,
        as_json=as_json,
        junit=junit,
        markdown=markdown,
        image_url=image_url,
        quiet=quiet,
    )


def _settings(file: Path | None) -> Settings:
    from p2p_eval.gate.settings import Settings, read_settings

    file = file or (PYPROJECT if PYPROJECT.exists() else None)
    return Settings() if file is None else read_settings(file)


def _update(out: Path, folder: Path, file: Path | None, *, as_json: bool, quiet: bool) -> None:
    from p2p_eval.cli.remarks import remark
    from p2p_eval.gate.check import check
    from p2p_eval.gate.history import entry_of
    from p2p_eval.gate.measured import read_scores
    from p2p_eval.gate.series import add, find

    current = read_scores(out)
    # Equal by definition; what a check would not accept must not become a baseline.
    check(current.scored, current.scored, _settings(file))
    path = add(folder, current.scored)
    if not quiet:
        remark(current.notes)
    if as_json:
        entry = entry_of(find(folder, str(path)))
        typer.echo(json.dumps({"schema": "p2p-eval/gate-update/1", **entry}, indent=2))
    else:
        typer.echo(str(path))


def _list(folder: Path, *, as_json: bool) -> None:
    from p2p_eval.cli.table import print_table
    from p2p_eval.gate.history import entry_of

    entries = [entry_of(baseline) for baseline in _series(folder)]
    if as_json:
        typer.echo(json.dumps({"schema": "p2p-eval/gate-list/1", "baselines": entries}, indent=2))
        return
    print_table(
        f"Baselines in {folder}",
        ["file", "written", "branch", "version", "figures", "experiments"],
        [
            [
                entry["file"],
                entry["written"],
                entry["branch"] or "–",
                entry["version"],
                str(entry["figures"]),
                ", ".join(entry["experiments"]),
            ]
            for entry in entries
        ],
    )


def _history(folder: Path, plot: Path | None, file: Path | None, *, as_json: bool) -> None:
    from p2p_eval.cli.table import print_table
    from p2p_eval.gate.history import history, plot_history
    from p2p_eval.scores.numbers import decimals_for, shown_number

    told = history(_series(folder), _settings(file))
    if plot is not None:
        plot_history(told, plot)
    if as_json:
        typer.echo(json.dumps(told.to_json(), indent=2))
        return
    shown = told.baselines[-SHOWN:]
    rows = []
    for course in told.courses:
        values = course.values[-SHOWN:]
        decimals = decimals_for(values)
        cells = [shown_number(value, decimals) for value in values]
        unit = f", {course.unit}" if course.unit else ""
        stretches = len(course.comparable())
        rows.append([f"{course.label}{unit}", *cells, "" if stretches < 2 else "changed"])
    print_table(
        f"Figures of the baselines in {folder}" + (", the last" if shown != told.baselines else ""),
        ["figure", *(f"{b.number:04d}\n{b.setting.written[:10]}" for b in shown), "signature"],
        rows,
    )


def _series(folder: Path) -> list[Baseline]:
    from p2p_eval.errors import InputError
    from p2p_eval.gate.series import baselines, find

    paths = baselines(folder)
    if not paths:
        raise InputError(
            f"{folder}: got no baseline, expected one or more; write one with "
            "`p2p-eval gate OUT --update`"
        )
    return [find(folder, str(path)) for path in paths]
