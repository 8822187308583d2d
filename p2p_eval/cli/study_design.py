"""What ``study export`` and ``study serve`` share: how a study shall be, and its design."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from p2p_eval.cli.progress import progress_bar
from p2p_eval.cli.remarks import remark

if TYPE_CHECKING:
    from p2p_eval.study.prepare import Prepared, Wishes

__all__ = ["Milliseconds", "Paired", "Practice", "Sessions", "Size", "Trials", "designed"]

Trials = Annotated[int, typer.Option("--trials", min=1, help="Trials of a session that count.")]
Practice = Annotated[
    int, typer.Option("--practice", min=0, help="Trials before those, with feedback.")
]
Sessions = Annotated[
    int, typer.Option("--sessions", min=1, help="Sessions of each experiment: people.")
]
Paired = Annotated[
    bool,
    typer.Option("--paired/--unpaired", help="Real and fake come from the same input, or not."),
]
Size = Annotated[int, typer.Option("--size", min=16, help="Side of the images.")]
Milliseconds = Annotated[
    int, typer.Option("--milliseconds", min=1, help="How long images are shown.")
]


def designed(
    folder: Path,
    results: Sequence[Path],
    wishes: Wishes,
    *,
    real: Path | None,
    layout: str,
    keep_going: bool,
    quiet: bool,
) -> Prepared:
    """Design a study of results into a folder, and print what is noted of it."""
    from p2p_eval.study.prepare import prepare

    with progress_bar("designing", quiet=quiet) as progress:
        prepared = prepare(
            folder,
            results,
            wishes,
            real=real,
            layout=layout,
            keep_going=keep_going,
            progress=progress,
        )
    remark([] if quiet else prepared.notes)
    return prepared
