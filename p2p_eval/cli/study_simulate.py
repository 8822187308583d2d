"""``p2p-eval study simulate``: answers of people who do not exist, at a known rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes

if TYPE_CHECKING:
    from p2p_eval.study.simulate import Crowd

__all__ = ["simulate"]

ALONE = "simulated"


def simulate(
    study: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of a study, whose plan is answered; without it, sessions are made up.",
            show_default=False,
            parser=options.given_path,
            metavar="[STUDY]",
        ),
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            "--rate",
            help="% of trials in which fakes are called real, for all algorithms; or NAME=PERCENT "
            "for one, which may be repeated.",
            show_default="20",
        ),
    ] = None,
    spread: Annotated[
        float, typer.Option("--spread", help="Standard deviation of it between people, in points.")
    ] = 10.0,
    lapse: Annotated[
        float, typer.Option("--lapse", help="% of answers that are given without looking.")
    ] = 0.0,
    people: Annotated[
        int, typer.Option("--people", help="Of each algorithm; a plan says it itself.")
    ] = 50,
    trials: Annotated[int, typer.Option("--trials", help="That count; a plan says it.")] = 40,
    practice: Annotated[int, typer.Option("--practice", help="Before them; a plan says it.")] = 10,
    votes: Annotated[
        Path,
        typer.Option(
            "--votes",
            help="File of answers to write.",
            parser=options.given_path,
            metavar="PATH",
        ),
    ] = Path("votes.csv"),
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            help="Address of a study serve that serves STUDY: people answer there, and no file is "
            "written.",
        ),
    ] = None,
    seed: options.Seed = 0,
    debug: options.Debug = False,
) -> None:
    """Write the answers of simulated people, to try an analysis on a rate that is known.

    People differ in how often they are fooled (a beta distribution), and each answers by chance.

    Example: p2p-eval study simulate --rate 18.9 && p2p-eval study analyze votes.csv
    """
    with exit_codes(debug):
        from p2p_eval.errors import InputError
        from p2p_eval.study.plan import read_plan
        from p2p_eval.study.simulate import made_up_sessions, simulate_plan
        from p2p_eval.study.simulate import simulate as simulate_sessions
        from p2p_eval.study.visit import simulate_visits
        from p2p_eval.study.votes import write_votes

        asked = rate or ["20"]
        if server is not None and study is None:
            raise InputError("got --server without STUDY, expected the folder of what it serves")
        if study is not None:
            plan = read_plan(study)
            crowds = _crowds(asked, plan.algorithms, spread, lapse)
            count = len(plan.sessions)
        if study is not None and server is not None:
            simulate_visits(server, plan, crowds, seed=seed)
        elif study is not None:
            write_votes(votes, simulate_plan(plan, crowds, seed=seed), plan.hash)
        else:
            names = [text.rpartition("=")[0] for text in asked if "=" in text] or [ALONE]
            crowds = _crowds(asked, names, spread, lapse)
            sessions = made_up_sessions(
                list(crowds), people, trials=trials, practice=practice, seed=seed
            )
            answers = simulate_sessions(sessions, crowds, practice=practice, seed=seed)
            write_votes(votes, answers, "none")
            count = len(sessions)
        for name, crowd in crowds.items():
            typer.echo(f"{name}: {100 * crowd.fooled:g} % labelled real is the true rate")
        typer.echo(f"{server or votes}: the answers of {count} people")


def _crowds(
    asked: list[str], names: list[str] | tuple[str, ...], spread: float, lapse: float
) -> dict[str, Crowd]:
    """Whom the people of each algorithm are drawn from."""
    from p2p_eval.errors import InputError
    from p2p_eval.study.simulate import Crowd

    rates: dict[str, float] = {}
    for text in sorted(asked, key=lambda text: "=" in text):  # what is said of all comes first
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 100:
            raise InputError(f"got --rate {text!r}, expected 0 to 100, or NAME=0 to 100")
        if "=" in text and not (name and name.isprintable()):
            raise InputError(f"got --rate {text!r}, expected a NAME of printable characters")
        if name and name not in names:
            raise InputError(f"got --rate of {name!r}, expected one of {', '.join(names)}")
        rates.update(dict.fromkeys([name] if name else names, value))
    return {name: Crowd(rates[name] / 100, spread / 100, lapse / 100) for name in names}
