"""A short part of the fuzz run; ``tests/fuzz_caffemodel.py --count 20000`` is the long one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_mutated_caffemodels() -> None:
    script = Path(__file__).parent.parent / "fuzz_caffemodel.py"
    command = [sys.executable, str(script), "--count", "2000", "--seed", "1"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2000 cases" in result.stdout
    assert " 0 failures" in result.stdout
