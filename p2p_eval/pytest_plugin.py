"""The quality gate in a test: the fixture ``assert_quality``, and ``--p2p-update``.

::

    def test_model_is_as_good_as_before(assert_quality):
        assert_quality("p2p-eval-out")

pytest loads this module in every run, so it imports nothing heavy until the fixture is called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from p2p_eval.gate.checked import Checked
    from p2p_eval.gate.settings import Settings

__all__ = ["AssertQuality", "assert_quality"]

COMPARED, ERROR, UPDATED = "p2p_eval.compared", "p2p_eval.error", "p2p_eval.updated"
"""Properties of a test's report: pytest carries them from xdist's workers, and into JUnit's XML."""

WORDS = {COMPARED: "", ERROR: "not compared: ", UPDATED: "wrote "}


@dataclass(frozen=True, slots=True)
class AssertQuality:
    """What the fixture gives a test; calling it is the gate."""

    _config: pytest.Config = field(repr=False)
    _properties: list[tuple[str, object]] = field(repr=False)

    def __call__(
        self,
        scores: str | Path,
        baseline: str | Path = ".p2p-eval",
        *,
        compare: int | str | Path | None = None,
        settings: Settings | Mapping[str, Any] | str | Path | None = None,
    ) -> Checked:
        """Fail the test if scores got worse than a baseline.

        Relative paths start at pytest's rootdir.

        Args:
            scores: Folder of score files, the ``--out`` of what scored.
            baseline: Folder of baselines. Scores of another folder need another one.
            compare: Number or file of a baseline; by default the newest.
            settings: TOML file of tolerances, or its keys and values; by default
                ``[tool.p2p_eval.gate]`` of the rootdir's pyproject.toml.

        Returns:
            Every figure and its verdict.

        Raises:
            AssertionError: A figure is worse, or fails by policy; or a baseline was written, which
                passes with ``--p2p-update-allowed`` only.
            GateError: It cannot be compared: the text says all that is wrong.
            InputError: There is no baseline, no score, or a setting does not fit.
            StoreError: A file is damaged, or the baseline could not be written.
        """
        __tracebackhide__ = True
        from fcn.errors import FCNError
        from p2p_eval.errors import P2PEvalError

        # What a test shows is its own line and our message, without the frames in between.
        try:
            checked, failure = self._run(scores, baseline, compare, settings)
        except (P2PEvalError, FCNError) as error:
            first, *others = str(error).split("\n")
            more = f" (and {len(others)} more)" if others else ""
            self._properties.append((ERROR, f"{first}{more}"))
            raise error.with_traceback(None) from None
        if failure is not None:
            raise AssertionError(failure)
        return checked

    def _run(
        self,
        scores: str | Path,
        baseline: str | Path,
        compare: int | str | Path | None,
        settings: Settings | Mapping[str, Any] | str | Path | None,
    ) -> tuple[Checked, str | None]:
        """Give the verdicts, and why the test fails, if it does."""
        from p2p_eval.gate.check import check
        from p2p_eval.gate.measured import read_scores
        from p2p_eval.gate.series import add, find
        from p2p_eval.gate.setting import current_setting

        chosen = self._settings(settings)
        out, folder = self._path("scores", scores), self._path("baseline", baseline)
        current = read_scores(out)
        if self._config.getoption("p2p_update"):
            # Equal by definition; what a check would not accept must not become a baseline.
            checked = check(current.scored, current.scored, chosen)
            written = add(folder, current.scored, current_setting(self._config.rootpath))
            name = self._relative(written)
            self._properties.append((UPDATED, name))
            checked = replace(checked, source=written.name)
            if self._config.getoption("p2p_update_allowed"):
                return checked, None
            return checked, (
                f"baseline written, nothing compared: {name} of {self._relative(out)}\n"
                "Commit it and run again without --p2p-update. (--p2p-update-allowed lets the test "
                "pass.)"
            )
        old = find(folder, self._which(compare))
        checked = check(old.scored, current.scored, chosen, source=old.name)
        summary = _line(f"{checked.summary} ({self._relative(out)} against {old.name})")
        self._properties.append((COMPARED, summary))
        return checked, None if checked.passed else _message(checked, summary, current.notes)

    def _settings(self, settings: Settings | Mapping[str, Any] | str | Path | None) -> Settings:
        from p2p_eval.gate.settings import Settings, read_settings, read_table

        if isinstance(settings, Settings):
            return settings
        if isinstance(settings, Mapping):
            return read_table("assert_quality(settings=…)", settings)
        if settings is not None:
            return read_settings(self._path("settings", settings))
        file = self._config.rootpath / "pyproject.toml"
        return read_settings(file) if file.exists() else Settings()

    def _which(self, compare: int | str | Path | None) -> str | None:
        if compare is None:
            return None
        text = str(compare)
        number = text.isascii() and text.isdigit()
        return text if number else str(self._path("compare", text))

    def _path(self, name: str, path: str | Path) -> Path:
        from p2p_eval.errors import InputError

        if not isinstance(path, str | Path):
            raise InputError(
                f"got {name}={type(path).__name__}, expected the path of a file or folder; score "
                "with out=FOLDER and give that"
            )
        return self._config.rootpath / path

    def _relative(self, path: Path) -> str:
        root = self._config.rootpath
        return _line(path.relative_to(root) if path.is_relative_to(root) else path)


@pytest.fixture
def assert_quality(request: pytest.FixtureRequest) -> AssertQuality:
    """Fail if scores got worse: assert_quality(scores, baseline=".p2p-eval", compare, settings)."""
    return AssertQuality(request.config, request.node.user_properties)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that write baselines."""
    group = parser.getgroup("p2p-eval", "quality gate (p2p-eval)")
    group.addoption(
        "--p2p-update",
        action="store_true",
        help="assert_quality writes the scores as the next baseline, and fails all the same",
    )
    group.addoption(
        "--p2p-update-allowed",
        action="store_true",
        help="with --p2p-update: it passes where the baseline was written",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start the record of this run, and give it what only it needs to hear."""
    config.pluginmanager.register(_Record(bool(config.getoption("p2p_update_allowed"))))


class _Record:
    """What the tests of a run compared and wrote; xdist brings the reports of its workers."""

    def __init__(self, allowed: bool) -> None:
        self._allowed = allowed
        self._entries: list[tuple[str, str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a test's properties when all of it is over."""
        if report.when == "teardown":
            self._entries += [
                (report.nodeid, name, str(value))
                for name, value in report.user_properties
                if name in WORDS
            ]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that wrote, even where a test expected to fail or caught the failure."""
        written = any(name == UPDATED for _, name, _ in self._entries)
        if written and not self._allowed and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List what was compared and written."""
        if not self._entries:
            return
        terminalreporter.write_sep("=", "quality gate")
        for test, name, value in self._entries:
            terminalreporter.write_line(f"{test}: {WORDS[name]}{value}")
        written = [Path(value) for _, name, value in self._entries if name == UPDATED]
        for folder, count in Counter(path.parent for path in written).items():
            if count > 1:
                terminalreporter.write_line(
                    f"{count} baselines were written to {folder}, and only the newest is compared "
                    "with: scores of another folder need another folder of baselines"
                )
        if written and not self._allowed:
            terminalreporter.write_line(
                "this run fails, as it wrote baselines: commit them and run again without "
                "--p2p-update"
            )


def _message(checked: Checked, summary: str, notes: Sequence[str]) -> str:
    from fcn.errors import shown
    from p2p_eval.cli.table import table_text
    from p2p_eval.gate.outputs import terminal

    _, columns, rows = terminal.table(checked, checked.failures)
    remarks = map(_line, (*terminal.remarks(checked), *notes))
    return shown("\n".join([f"quality gate {summary}", table_text(columns, rows), *remarks]))


def _line(text: object) -> str:
    """One line that any terminal, file or worker can take."""
    from fcn.errors import shown

    return shown(" ".join(str(text).split("\n")))
