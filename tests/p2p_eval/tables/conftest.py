"""Puts the helpers on the path, and makes folders of score files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "helpers")]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder for score files."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every row of every table, some with two seeds; tests read it only."""
    from table_files import write_all_tables

    folder = tmp_path_factory.mktemp("full") / "out"
    write_all_tables(folder)
    return folder
