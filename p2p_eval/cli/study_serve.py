"""``p2p-eval study serve``: the study in people's browsers, from this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import exit_codes, stderr
from p2p_eval.cli.remarks import remark
from p2p_eval.cli.study_design import (
    Milliseconds,
    Paired,
    Practice,
    Sessions,
    Size,
    Trials,
    designed,
)

__all__ = ["serve"]


def serve(
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="Folder of a study; or folders of generated images, in any of the known layouts.",
            show_default=False,
            parser=options.given_path,
            metavar="STUDY|RESULTS...",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="Folder for the answers.", parser=options.given_path, metavar="PATH"
        ),
    ] = Path("p2p-eval-study"),
    host: Annotated[
        str, typer.Option("--host", help="Address to listen at; 0.0.0.0 lets others in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any.")] = 8000,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            help="Of the answers: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.",
            show_default="OUT/answers.sqlite",
            envvar="P2P_EVAL_STUDY_DATABASE",
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            help="Of the admin page.",
            show_default="one is made",
            envvar="P2P_EVAL_STUDY_TOKEN",
        ),
    ] = None,
    keep_ids: Annotated[
        bool,
        typer.Option("--keep-ids", help="Keep ids of a panel as they are, not a pseudonym."),
    ] = False,
    consent: Annotated[
        Path | None,
        typer.Option(
            "--consent",
            help="Text that people agree to; a blank line parts paragraphs.",
            parser=options.given_path,
            metavar="PATH",
        ),
    ] = None,
    done_url: Annotated[
        str | None,
        typer.Option("--done-url", help="Where people go after the last pair, as a panel asks."),
    ] = None,
    rate: Annotated[
        float, typer.Option("--rate", min=1, help="Requests a second of one address.")
    ] = 500.0,
    trials: Trials = 40,
    practice: Practice = 10,
    sessions: Sessions = 50,
    paired: Paired = True,
    size: Size = 256,
    milliseconds: Milliseconds = 1000,
    real: options.Real = None,
    layout: options.Layout = "auto",
    seed: options.Seed = 0,
    keep_going: options.KeepGoing = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Serve the real-vs-fake study to people's browsers.

    Of results, a study is designed into OUT/study first. Each person gets one session: of a panel
    by ?participant=ID or ?PROLIFIC_PID=ID in the link, else by a cookie. Every answer is on the
    disk before the next pair is shown; stop with Ctrl+C at any time, and the same command goes on.
    When it stops, all answers are written to OUT/votes.csv, for study analyze.

    Example: p2p-eval study serve results/ --out my-study
    """
    with exit_codes(debug):
        from p2p_eval.study.page import CONSENT
        from p2p_eval.study.plan import PLAN, read_plan
        from p2p_eval.study.prepare import Wishes, refuse_wishes
        from p2p_eval.study.serve import open_study, read_consent
        from p2p_eval.study.server import Settings

        paragraphs = None if consent is None else read_consent(consent)
        wishes = Wishes(trials, practice, sessions, paired, seed, size, milliseconds)
        if len(sources) == 1 and (sources[0] / PLAN).exists():
            folder = sources[0]
            plan = read_plan(folder)
            refuse_wishes(folder, wishes)
        else:
            folder = out / "study"
            prepared = designed(
                folder,
                sources,
                wishes,
                real=real,
                layout=layout,
                keep_going=keep_going,
                quiet=quiet,
            )
            plan = prepared.plan
            remark(f"left out: {name}" for name in prepared.left_out)
        settings = Settings(
            consent=CONSENT if paragraphs is None else paragraphs,
            done_url=done_url,
            rate=rate,
            burst=60 * rate,
        )
        with open_study(
            folder,
            plan,
            out=out,
            host=host,
            port=port,
            database=database,
            token=token,
            keep_ids=keep_ids,
            settings=settings,
        ) as study:
            stderr.print(f"participants: {study.address}/", markup=False)
            stderr.print(f"admin:        {study.address}/admin", markup=False)
            if token is None:
                stderr.print(f"admin token:  {study.token}", markup=False)
            study.run()
