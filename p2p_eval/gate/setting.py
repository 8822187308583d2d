"""When, where and of which commit a baseline is written."""

from __future__ import annotations

import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from p2p_eval import __version__
from p2p_eval.scores.document import Node

__all__ = ["Commit", "Setting", "current_setting"]

PATIENCE = 10.0
PACKAGES = ("numpy", "opencv-python-headless", "pillow", "scipy", "torch")
"""Libraries on which a figure's last digits may depend."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Of a folder: its id, branch and time, and whether files differ from it."""

    id: str
    branch: str
    time: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """What does not change a figure's meaning, and explains it.

    Attributes:
        written: Date and time with zone, as ISO 8601 has them.
        version: Of p2p-eval.
        commit: None outside a repository.
        machine: System, processor, interpreter and libraries, by name.
    """

    written: str
    version: str
    commit: Commit | None
    machine: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain values by key."""
        return asdict(self)

    @staticmethod
    def of(node: Node) -> Setting:
        """Read what :meth:`to_json` gave.

        Raises:
            StoreError: Something is missing or of the wrong type.
        """
        commit = node.find("commit")
        return Setting(
            node["written"].text(),
            node["version"].text(),
            None
            if commit is None
            else Commit(
                commit["id"].text(),
                commit["branch"].text(),
                commit["time"].text(),
                commit["changed"].flag(),
            ),
            {key: value.text() for key, value in node["machine"].items()},
        )


def current_setting(folder: Path = Path()) -> Setting:
    """Describe this moment, a folder (by default the working directory) and this machine."""
    import torch

    return Setting(
        datetime.now(UTC).isoformat(timespec="seconds"),
        __version__,
        _commit(folder),
        {
            "system": f"{platform.system()} {platform.release()}",
            "processor": platform.processor() or platform.machine(),
            "vectors": torch.backends.cpu.get_cpu_capability(),
            "python": platform.python_version(),
            **_versions(),
        },
    )


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _commit(folder: Path) -> Commit | None:
    head = _git(folder, "rev-parse", "HEAD")
    if not head:
        return None
    return Commit(
        head,
        _git(folder, "branch", "--show-current") or "",
        _git(folder, "log", "-1", "--format=%cI") or "",
        bool(_git(folder, "status", "--porcelain", "--untracked-files=no")),
    )


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
