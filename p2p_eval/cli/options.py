"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Cityscapes",
    "Data",
    "Debug",
    "Device",
    "Fresh",
    "Json",
    "KeepGoing",
    "LabelSet",
    "Labels",
    "Layout",
    "Minutes",
    "Out",
    "Quiet",
    "Real",
    "Results",
    "ResultsFolders",
    "Seed",
    "Set",
    "Workers",
    "given_path",
]


def given_path(text: str | Path) -> Path:
    """Take a path as it stands; whether it can be used, the command finds out and explains.

    Raises:
        typer.BadParameter: It is empty, which would mean the current folder.
    """
    if not str(text):
        raise typer.BadParameter("got an empty path; give one, or . for the current folder")
    return Path(text)


Results = Annotated[
    Path,
    typer.Argument(
        help="Folder of generated images, in any of the known layouts.",
        show_default=False,
        parser=given_path,
        metavar="RESULTS",
    ),
]
ResultsFolders = Annotated[
    list[Path],
    typer.Argument(
        help="Folders of generated images, in any of the known layouts.",
        show_default=False,
        parser=given_path,
        metavar="RESULTS...",
    ),
]
Out = Annotated[
    Path,
    typer.Option("--out", help="Folder for the score files.", parser=given_path, metavar="PATH"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no notes; warnings stay.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Score anew; use nothing stored before.")]
KeepGoing = Annotated[
    bool,
    typer.Option("--keep-going", help="Leave out images that cannot be used; exit code 3."),
]
Cityscapes = Annotated[
    Path | None,
    typer.Option(
        "--cityscapes",
        help="The original Cityscapes tree, which holds gtFine/.",
        parser=given_path,
        metavar="PATH",
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Threads that decode images.", show_default="cores"),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Layout = Annotated[
    str, typer.Option("--layout", help="Force a layout instead of looking at the folder.")
]
Real = Annotated[
    Path | None,
    typer.Option(
        "--real",
        help="Folder of the real images, where RESULTS has none.",
        parser=given_path,
        metavar="PATH",
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        help="Folder of label maps (8-bit label ids), named as the images.",
        parser=given_path,
        metavar="PATH",
    ),
]
Data = Annotated[
    Path,
    typer.Option(
        "--data",
        help="photos/ and labels/, A/ and B/, images side by side, photos alone (colorization, "
        "inpainting), or the Cityscapes tree.",
        show_default=False,
        parser=given_path,
        metavar="PATH",
    ),
]
LabelSet = Annotated[
    str | None,
    typer.Option(
        "--label-set",
        help="Of label maps that hold ids: cityscapes, camvid, facades, scenes or a CSV file.",
        show_default="the configuration's",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Another value of the configuration, as width=32; may be repeated.",
        show_default=False,
        metavar="KEY=VALUE",
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option("--minutes", min=0, help="Stop after so long; the same command goes on."),
]
