"""Fixtures and the rules for tests that need a GPU, public data or a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HERE = Path(__file__).parent
DATA = Path(os.environ.get("P2P_EVAL_TEST_DATA", HERE.parent.parent / "shared" / "data"))
POSTGRESQL = max(Path("/usr/lib/postgresql").glob("*/bin/initdb"), default=None)
CHROMIUM = os.environ.get("P2P_EVAL_CHROMIUM") or shutil.which("chromium")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, with the reason in the summary, what this machine cannot run."""
    reasons = {}
    if not DATA.is_dir():
        reasons["data"] = f"no public test data at {DATA} (set P2P_EVAL_TEST_DATA)"
    if CHROMIUM is None:
        reasons["browser"] = "no chromium (set P2P_EVAL_CHROMIUM to a Chromium's executable)"
    if POSTGRESQL is None:
        reasons["postgresql"] = "no PostgreSQL in /usr/lib/postgresql (Debian's package)"
    if shutil.which("npm") is None:
        reasons["network"] = "no npm to fetch axe-core with"
    if any(item.get_closest_marker("gpu") for item in items):
        import torch

        if not torch.cuda.is_available():
            reasons["gpu"] = "no CUDA device"
    for marker, reason in reasons.items():
        left_out = [item for item in items if item.get_closest_marker(marker)]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if not item.get_closest_marker(marker)]
            config.stash.setdefault(LEFT_OUT, []).append(
                f"{len(left_out)} tests marked {marker}: {reason}"
            )


LEFT_OUT = pytest.StashKey[list[str]]()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a worker process tell the one that prints the summary."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep what a worker process told; all leave out the same tests."""
    if told := getattr(node, "workeroutput", {}).get("left_out"):  # one that crashed tells nothing
        node.config.stash[LEFT_OUT] = told


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which tests were deselected, and why."""
    for line in config.stash.get(LEFT_OUT, []):
        terminalreporter.write_line(f"deselected {line}")


@pytest.fixture(scope="session", autouse=True)
def _no_feature_cache() -> Iterator[None]:
    """Keep the user's cache of real images' features out of it; what tests it makes its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("P2P_EVAL_FEATURES_GIB", "0")
        yield


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of reference values."""
    return HERE / "golden"


@pytest.fixture
def slim(golden: Path, tmp_path: Path) -> Path:
    """A writable copy of the golden set in which the official script drops three frames."""
    return Path(shutil.copytree(golden / "fcn" / "slim_b", tmp_path / "slim_b"))


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of public images and weights (marker ``data``)."""
    return DATA


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium without a window (marker ``browser``)."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def postgresql_programs() -> Path:
    """The folder of PostgreSQL's programs (marker ``postgresql``)."""
    return Path(str(POSTGRESQL)).parent
