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


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy between the tests and their own server, and no waiting between attempts."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr("fcn.download.BACKOFF_SECONDS", 0.0)
