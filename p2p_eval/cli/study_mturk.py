"""``p2p-eval study mturk``: HITs of an exported study: made, one a person, and collected."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Annotated

import typer

from p2p_eval.cli.exits import exit_codes
from p2p_eval.cli.options import Debug, Quiet, given_path
from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.remarks import remark

if TYPE_CHECKING:
    from p2p_eval.study.mturk_service import Environment

__all__ = ["app"]

app = typer.Typer(
    help="Make the HITs of an exported study on Mechanical Turk, and collect the answers.",
    no_args_is_help=True,
)

Folder = Annotated[
    Path,
    typer.Argument(
        help="What study export --to mturk wrote.",
        show_default=False,
        parser=given_path,
        metavar="FOLDER",
    ),
]
Live = Annotated[
    bool,
    typer.Option("--live/--sandbox", help="Real people and money, or the sandbox: say which."),
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        "--endpoint",
        envvar="P2P_EVAL_MTURK_ENDPOINT",
        help="Another address of the API, such as an emulation's.",
        show_default=False,
    ),
]


def _dollars(text: str) -> Decimal:
    try:
        reward = Decimal(text.removeprefix("$"))
    except InvalidOperation as error:
        raise typer.BadParameter(f"got {text!r}, expected US dollars such as 1.00") from error
    if not reward.is_finite():
        raise typer.BadParameter(f"got {text!r}, expected US dollars such as 1.00")
    return reward


@app.command()
def create(
    folder: Folder,
    live: Live,
    reward: Annotated[
        Decimal,
        typer.Option(
            "--reward",
            parser=_dollars,
            help="For a session, in US dollars.",
            show_default=False,
            metavar="DOLLARS",
        ),
    ],
    create: Annotated[
        bool, typer.Option("--create", help="Do it; without, only say what it would cost.")
    ] = False,
    minutes: Annotated[
        int, typer.Option("--minutes", min=5, max=1440, help="That an accepted HIT may take.")
    ] = 30,
    days: Annotated[
        int, typer.Option("--days", min=1, max=365, help="That HITs are offered for.")
    ] = 7,
    approval_days: Annotated[
        int, typer.Option("--approval-days", min=0, max=30, help="Until work is paid by itself.")
    ] = 3,
    endpoint: Endpoint = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make a HIT for each session: first it says what it would cost, and with --create it does it.

    A creation that was interrupted goes on with the same command; no HIT is made twice.

    Example: p2p-eval study mturk create my-study --sandbox --reward 1.00
    """
    with exit_codes(debug):
        from p2p_eval.study import mturk_hits
        from p2p_eval.study.mturk import read_batch
        from p2p_eval.study.mturk_service import connect
        from p2p_eval.study.mturk_state import Terms

        environment = _environment(live)
        sessions = len(read_batch(folder).rows)
        before = mturk_hits.made_before(folder, environment)
        cost = mturk_hits.estimate(sessions - before, reward)
        typer.echo(
            f"{environment}: {cost.sessions} HITs to make ({before} of {sessions} are there), each "
            f"{cost.reward} + {cost.fee} fee: {cost.total} US dollars"
            f"{'' if live else ', none of which is real'}"
        )
        if not create:
            typer.echo("nothing was made; give --create to make them")
            return
        client = connect(environment, endpoint)
        terms = Terms(cost.reward, minutes, days, approval_days)
        with progress_bar("making HITs", quiet=quiet) as progress:
            state = mturk_hits.create(folder, client, environment, terms, progress)
        typer.echo(f"{len(state.hits)} HITs are there; now run p2p-eval study mturk grant")


@app.command()
def grant(
    folder: Folder,
    live: Live,
    every: Annotated[
        float | None,
        typer.Option(
            "--every", min=1, help="Look again after so many seconds, until all are submitted."
        ),
    ] = None,
    endpoint: Endpoint = None,
    debug: Debug = False,
) -> None:
    """Give the Qualification that keeps a person to one session to those who have submitted one.

    Example: p2p-eval study mturk grant my-study --sandbox --every 60
    """
    with exit_codes(debug):
        from p2p_eval.errors import P2PEvalError
        from p2p_eval.study import mturk_hits
        from p2p_eval.study.mturk_service import connect

        environment = _environment(live)
        client = connect(environment, endpoint)
        looked = False
        while True:
            try:
                far = mturk_hits.grant(folder, client, environment)
            except P2PEvalError as error:
                # What works once works again; a busy service must not end a watch of days.
                if every is None or not looked:
                    raise
                remark([f"warning: {error}; looking again in {every:g} s"])
            else:
                looked = True
                typer.echo(
                    f"{far.submitted} of {far.hits} sessions submitted, their workers qualified"
                )
                if every is None or far.submitted == far.hits:
                    return
            sleep(every)


@app.command()
def collect(
    folder: Folder,
    live: Live,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            help="Folder of the study.",
            show_default="FOLDER/study",
            parser=given_path,
            metavar="PATH",
        ),
    ] = None,
    endpoint: Endpoint = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write what was submitted so far into a CSV that `study analyze` reads.

    Example: p2p-eval study mturk collect my-study --sandbox
    """
    with exit_codes(debug):
        from p2p_eval.study.mturk_collect import collect as collected
        from p2p_eval.study.mturk_service import connect
        from p2p_eval.study.plan import read_plan

        environment = _environment(live)
        study = folder / "study" if plan is None else plan
        client = connect(environment, endpoint)
        with progress_bar("collecting", quiet=quiet) as progress:
            path, count = collected(folder, client, environment, read_plan(study), progress)
        typer.echo(f"{path}: {count} sessions")
        typer.echo(f"next: p2p-eval study analyze {path} --plan {study}")


def _environment(live: bool) -> Environment:
    return "live" if live else "sandbox"
