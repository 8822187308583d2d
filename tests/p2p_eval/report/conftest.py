"""Puts tests/helpers on the path, and makes the folder of score files that many tests read."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two experiments with every kind of score file in ``out``, their images in ``results``."""
    from score_files import write_everything

    folder = tmp_path_factory.mktemp("everything")
    write_everything(folder / "out")
    return folder


@pytest.fixture
def scored(everything: Path, tmp_path: Path) -> Path:
    """A writable copy of their score files."""
    shutil.copytree(everything, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"
