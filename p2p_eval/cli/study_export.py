"""``p2p-eval study export``: a study for Mechanical Turk, or for any static host."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from p2p_eval.cli import options
from p2p_eval.cli.exits import LEFT_OUT, exit_codes
from p2p_eval.cli.progress import progress_bar
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

__all__ = ["export"]


class Target(StrEnum):
    """Where a study can go."""

    STATIC = "static"
    MTURK = "mturk"


def export(
    to: Annotated[Target, typer.Option("--to", help="Where it shall run.", show_default=False)],
    results: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders of generated images, in any of the known layouts.",
            show_default=False,
            parser=options.given_path,
            metavar="RESULTS...",
        ),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            "--study",
            help="A study that is designed already, instead of RESULTS.",
            parser=options.given_path,
            metavar="PATH",
        ),
    ] = None,
    image_url: Annotated[
        str | None,
        typer.Option("--image-url", help="mturk: https address that images/ will be found at."),
    ] = None,
    post: Annotated[
        str | None,
        typer.Option("--post", help="static: address that takes the answers as JSON."),
    ] = None,
    trials: Trials = 40,
    practice: Practice = 10,
    sessions: Sessions = 50,
    paired: Paired = True,
    size: Size = 256,
    milliseconds: Milliseconds = 1000,
    real: options.Real = None,
    layout: options.Layout = "auto",
    out: Annotated[
        Path,
        typer.Option("--out", help="Where to write.", parser=options.given_path, metavar="PATH"),
    ] = Path("p2p-eval-study"),
    seed: options.Seed = 0,
    keep_going: options.KeepGoing = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Export the real-vs-fake study: for Mechanical Turk, or as a bundle for any static host.

    The study is drawn into OUT/study, which says which images are real and is never uploaded; a
    README in OUT says what to upload and how to go on. `study analyze` reads what comes back.

    Example: p2p-eval study export results/ --to static --out my-study
    """
    with exit_codes(debug):
        from p2p_eval.errors import InputError
        from p2p_eval.study.bundle import export_bundle
        from p2p_eval.study.export import check_address
        from p2p_eval.study.mturk import export_mturk
        from p2p_eval.study.plan import read_plan
        from p2p_eval.study.prepare import Wishes, refuse_wishes

        if bool(results) == (study is not None):
            raise InputError(
                "expected either RESULTS, to design a study, or --study with the folder of one"
            )
        if to is Target.MTURK and image_url is None:
            raise InputError(
                "--to mturk: got no --image-url, expected the https address at which you will put "
                "images/, such as --image-url https://example.org/study/images"
            )
        if (image_url if to is Target.STATIC else post) is not None:
            raise InputError("--image-url is for --to mturk only, and --post for --to static")
        if image_url is not None:
            check_address(image_url, "--image-url")
        if post is not None:
            check_address(post, "--post")
        left_out: list[str] = []
        wishes = Wishes(trials, practice, sessions, paired, seed, size, milliseconds)
        if study is None:
            study = out / "study"
            prepared = designed(
                study,
                results or [],
                wishes,
                real=real,
                layout=layout,
                keep_going=keep_going,
                quiet=quiet,
            )
            plan, left_out = prepared.plan, prepared.left_out
        else:
            plan = read_plan(study)
            refuse_wishes(study, wishes)
        with progress_bar("copying images", quiet=quiet) as progress:
            if image_url is not None:
                export_mturk(study, plan, out, image_url=image_url, progress=progress)
            else:
                export_bundle(study, plan, out, post=post, progress=progress)
        typer.echo(
            f"{len(plan.sessions)} sessions of {len(plan.algorithms)} experiments, plan {plan.hash}"
        )
        typer.echo(f"read {out / 'README.md'}; keep {study} to yourself")
        remark(f"left out: {name}" for name in left_out)
        if left_out:
            raise typer.Exit(LEFT_OUT)
