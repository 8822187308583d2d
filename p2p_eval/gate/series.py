"""The series of baselines in a folder: numbered, found, and added to by one program at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from p2p_eval.errors import InputError, StoreError
from p2p_eval.folders import LOCK_NAME
from p2p_eval.gate.baseline import Baseline, baseline_bytes, read_baseline
from p2p_eval.gate.scored import Scored
from p2p_eval.gate.setting import Setting, current_setting
from p2p_eval.scores.store import exclusive, remove_leftovers, write_together

__all__ = ["FOLDER", "add", "baselines", "find", "number_of"]

FOLDER = Path(".p2p-eval")
"""Where baselines lie, from the working directory."""

FILE = re.compile(r"(?P<number>[0-9]{4,9})_[A-Za-z0-9._-]+\.json")
DIGITS = 8
PATIENCE = 60.0


def number_of(path: Path) -> int | None:
    """The number in a baseline's name; None where it has none.

    Example:
        >>> number_of(Path("0012_1dc586e0_20261127_193000.json"))
        12
    """
    match = FILE.fullmatch(path.name)
    return int(match["number"]) if match else None


def baselines(folder: Path) -> list[Path]:
    """List the baselines of a folder, the oldest first; none where there is no folder.

    Raises:
        StoreError: It cannot be read, or two have one number.
    """
    try:
        paths = list(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be read ({error.strerror}); give the folder of baselines"
        ) from error
    found: dict[int, Path] = {}
    for path in sorted(paths):
        number = number_of(path)
        if number is None:
            continue
        if number in found:
            raise StoreError(
                f"{folder}: got {found[number].name} and {path.name}, expected one baseline of a "
                "number; rename the later one, as two branches may have added them"
            )
        found[number] = path
    return [found[number] for number in sorted(found)]


def find(folder: Path, which: str | None = None) -> Baseline:
    """Read a baseline.

    Args:
        folder: Of the series.
        which: A number, or a file; by default the newest.

    Raises:
        InputError: There is none.
        StoreError: It is damaged, or of a newer schema.
    """
    series = baselines(folder)
    if which is None:
        if not series:
            raise InputError(
                f"{folder}: got no baseline, expected one to compare with; write it with "
                "`p2p-eval gate OUT --update` and commit it"
            )
        return _read(series[-1])
    if which.isascii() and which.isdigit():
        for path in series:
            if number_of(path) == int(which):
                return _read(path)
        numbers = ", ".join(str(number_of(path)) for path in series) or "none"
        raise InputError(f"{folder}: got baseline {which}, expected one of those there: {numbers}")
    path = Path(which)
    if not path.exists():
        raise InputError(f"got baseline {which!r}, expected a number or a file that is there")
    return _read(path)


def _read(path: Path) -> Baseline:
    return read_baseline(path, number_of(path) or 0)


def add(folder: Path, scored: Sequence[Scored], setting: Setting | None = None) -> Path:
    """Write the next baseline; programs that do so at the same time wait for each other.

    Args:
        folder: Of the series; it is made if it is missing.
        scored: What the baseline holds.
        setting: When and where; by default now and here.

    Returns:
        The new file.

    Raises:
        StoreError: It cannot be written; what was there is as it was.
    """
    setting = setting or current_setting()
    with exclusive(folder, wait=PATIENCE):
        remove_leftovers(folder)
        series = baselines(folder)
        number = 1 + max((number_of(path) or 0 for path in series), default=0)
        path = folder / f"{number:04d}_{_of_commit(setting)}_{_stamp(setting)}.json"
        files = {path: baseline_bytes(setting, scored)}
        ignored = folder / ".gitignore"
        if not ignored.exists():
            files = {ignored: f"{LOCK_NAME}\n".encode(), **files}
        write_together(files)
    return path


def _of_commit(setting: Setting) -> str:
    if setting.commit is None:
        return "unversioned"
    return setting.commit.id[:DIGITS] + ("-changed" if setting.commit.changed else "")


def _stamp(setting: Setting) -> str:
    date, _, time = setting.written.partition("T")
    return f"{date.replace('-', '')}_{time[:8].replace(':', '')}"
