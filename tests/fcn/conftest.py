"""Puts tests/helpers on the path, and makes the one large file that several tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "helpers"))

from caffemodel_writer import write_random

from fcn.network import FULL_WIDTHS


@pytest.fixture(scope="session")
def full_width(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A random caffemodel of the official network's widths, 538 MB."""
    path = tmp_path_factory.mktemp("full_width") / "random.caffemodel"
    yield write_random(path, FULL_WIDTHS, seed=1)
    path.unlink()
