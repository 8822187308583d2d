"""``p2p-eval study power``: how many people a study needs."""

from __future__ import annotations

from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes

__all__ = ["power"]


def power(
    half_width: Annotated[
        float, typer.Option("--half-width", help="Of the 95 % interval, in percentage points.")
    ] = 5.0,
    rate: Annotated[
        float, typer.Option("--rate", help="% of trials in which fakes are called real.")
    ] = 20.0,
    spread: Annotated[
        float, typer.Option("--spread", help="Standard deviation of it between people, in points.")
    ] = 12.0,
    trials: Annotated[int, typer.Option("--trials", help="Of each person, that count.")] = 40,
    debug: options.Debug = False,
) -> None:
    """Say how many people an algorithm needs for an interval of some width.

    Example: p2p-eval study power --half-width 3 --rate 19
    """
    with exit_codes(debug):
        from p2p_eval.study.power import people_needed

        people = people_needed(
            half_width / 100, rate=rate / 100, trials=trials, spread=spread / 100
        )
        typer.echo(
            f"{people} people an algorithm, with {trials} trials each: {rate:g} % ± "
            f"{half_width:g} points at 95 %"
        )
