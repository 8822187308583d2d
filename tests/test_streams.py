"""The installed program at the end of a pipe, on a full disk, in any encoding, interrupted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("p2p-eval")


def code(command: str, cwd: Path, **env: str) -> tuple[int, str]:
    """Run a command line in which the program is $P; give its exit code and what it printed."""
    result = subprocess.run(
        ["bash", "-c", command], cwd=cwd, env={**os.environ, "P": str(PROGRAM), **env},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.stderr
    return result.returncode, result.stdout + result.stderr


SCORE = "$P fcn-score results --cityscapes cityscapes --weights *.caffemodel"
GONE = "| true; exit ${PIPESTATUS[0]}"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (f"$P --help {GONE}", 0),
        (f"$P weights list {GONE}", 0),
        (f"$P doctor results --cityscapes cityscapes {GONE}", 0),
        (f"$P doctor results --cityscapes results {GONE}", 2),
        (f"{SCORE} {GONE}", 0),
        (f"{SCORE} >&-", 0),
        (f"{SCORE} >&- 2>&- <&-", 0),
        (f"{SCORE} 2>/dev/full", 0),
        ("$P fcn-score nope 2>&-", 2),
        ("$P fcn-score nope 2>/dev/full", 2),
        ("$P fcn-score 2>&-", 2),
        ("$P fcn-score 2>/dev/full", 2),
    ],
)
def test_exit_code_does_not_depend_on_who_reads(slim: Path, command: str, expected: int) -> None:
    assert code(command, slim)[0] == expected


def test_full_disk_below_the_standard_output(tmp_path: Path) -> None:
    for command in ("$P weights list >/dev/full", "$P --help >/dev/full"):
        assert code(command, tmp_path) == (
            2, "p2p-eval: standard output: No space left on device\n",
        )  # fmt: skip


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=str,
)
def test_any_encoding_will_do(slim: Path, env: dict[str, str]) -> None:
    status, text = code(SCORE, slim, **env)
    assert status == 0
    assert "results" in text


def test_interrupt_while_the_program_loads(tmp_path: Path) -> None:
    """A module that is loaded early stands in for the moment at which the signal comes."""
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    assert code("$P --help", tmp_path, PYTHONPATH=str(tmp_path)) == (130, "")


def test_module_is_the_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "p2p_eval", "fcn-score", "--help"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Usage: p2p-eval fcn-score" in result.stdout
