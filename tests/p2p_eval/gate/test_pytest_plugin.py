"""The gate as a fixture: what passes, fails, is refused and written; it disturbs nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from score_files import worsen, write_metrics

from p2p_eval.gate.measured import read_scores
from p2p_eval.gate.series import add, baselines

ROOT = Path(__file__).parents[3]
IMAGES = [f"image{number}" for number in range(30)]
SETTINGS = "[tool.p2p_eval.gate]\ntolerance = '1%'\n"
ONE = """
def test_quality(assert_quality):
    assert_quality("scores")
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scores of a model, of a worse one and of others, and a baseline of the first.

    They are made before pytester takes note of what is loaded: what a test loads it throws away,
    and PyTorch cannot be loaded twice.
    """
    folder = tmp_path_factory.mktemp("made")
    for name in ("scores", "worse"):
        write_metrics(folder / name, "L1", IMAGES)
    worsen(folder / "worse", "L1", "lpips[alex-v0.1]", 0.1)
    worsen(folder / "worse", "L1", "gmsd", 0.05)
    write_metrics(folder / "other", "L1", IMAGES[:20])
    for name in ("cGAN", "GAN"):
        write_metrics(folder / "absent", name, IMAGES)
    add(folder / ".p2p-eval", read_scores(folder / "scores").scored)
    return folder


@pytest.fixture
def project(
    made: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A project with scores and no baseline."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    shutil.copytree(
        made, pytester.path, ignore=shutil.ignore_patterns(".p2p-eval"), dirs_exist_ok=True
    )
    pytester.makepyprojecttoml(SETTINGS)
    return pytester


@pytest.fixture
def guarded(made: Path, project: pytest.Pytester) -> pytest.Pytester:
    """The same with a baseline."""
    shutil.copytree(made / ".p2p-eval", project.path / ".p2p-eval")
    return project


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "p2p_eval.pytest_plugin", "-W", "error", *arguments)


def test_verdicts(guarded: pytest.Pytester) -> None:
    guarded.makepyfile(
        """
        import os
        import pytest

        def test_same(assert_quality, monkeypatch, tmp_path):
            monkeypatch.chdir(tmp_path)  # paths start at the rootdir
            checked = assert_quality("scores", compare=1)
            assert checked.passed and len(checked.figures) == 5

        def test_worse(assert_quality):
            assert_quality("worse")

        def test_accepted(assert_quality, request):
            checked = assert_quality(
                request.config.rootpath / "worse",
                settings={"tolerance": "50%", "tolerances": {"lpips*": {"tolerance": 1}}},
            )
            assert checked.settings.tolerances[0].pattern == "lpips*"

        def test_settings_of_a_file(assert_quality):
            assert assert_quality("worse", settings="loose.toml").passed
        """
    )
    (guarded.path / "loose.toml").write_text("tolerance = 1\n")
    result = run(guarded, "--junit-xml=junit.xml")
    result.assert_outcomes(passed=3, failed=1)
    assert result.ret == 1
    text = result.stdout.str()
    assert "AssertionError: quality gate failed: 2 worse, 3 same (worse against 0001_" in text
    # Both failures, not only the first, no figure that passed, and the worst images.
    table = [line for line in text.splitlines() if line.startswith("E ") and " worse " in line]
    assert [line.split()[1] for line in table if "<" in line] == ["gmsd", "lpips[alex-v0.1]"]
    assert "E               psnr" not in text
    assert "images that got worse most: image" in text
    assert "pytest_plugin.py" not in text  # no traceback of ours
    result.stdout.fnmatch_lines(
        [
            "*== quality gate ==*",
            "test_verdicts.py::test_same: passed: 5 same (scores against 0001_*)",
            "test_verdicts.py::test_worse: failed: 2 worse, 3 same (worse against 0001_*)",
            "test_verdicts.py::test_accepted: passed: *",
        ]
    )
    cases = {c.get("name"): c for c in ET.parse(guarded.path / "junit.xml").iter("testcase")}
    (message,) = cases["test_worse"].iter("failure")
    assert "2 worse" in (message.get("message") or "")
    (stated,) = cases["test_same"].iter("property")
    assert stated.get("name") == "p2p_eval.compared"
    assert (stated.get("value") or "").startswith("passed: 5 same")


def test_what_cannot_be_compared_is_an_error(guarded: pytest.Pytester) -> None:
    (guarded.path / "damaged").mkdir()
    (guarded.path / "damaged" / "0001_a_b.json").write_text("{")
    guarded.makepyfile(
        """
        import pytest
        import p2p_eval.errors as errors

        def test_other_images(assert_quality):
            assert_quality("other")

        @pytest.mark.parametrize(
            ("scores", "options", "kind", "text"),
            [
                ("scores", {"baseline": "none"}, "InputError", "got no baseline"),
                ("scores", {"compare": 7}, "InputError", "got baseline 7"),
                ("scores", {"compare": "no.json"}, "P2PEvalError", "no.json"),
                ("scores", {"baseline": "damaged"}, "StoreError", "0001_a_b.json"),
                ("nowhere", {}, "InputError", "nowhere"),
                ("absent", {}, "GateError", "L1"),
                ("scores", {"settings": {"tolerence": 1}}, "InputError", "tolerance"),
                ("scores", {"settings": {"tolerance": -1}}, "InputError", "from 0"),
                ("scores", {"settings": "no.toml"}, "InputError", "no.toml"),
                (None, {}, "InputError", "got scores=NoneType"),
            ],
        )
        def test_refused(assert_quality, scores, options, kind, text):
            with pytest.raises(getattr(errors, kind), match=text):
                assert_quality(scores, **options)
        """
    )
    result = run(guarded)
    result.assert_outcomes(passed=10, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *p2p_eval.errors.GateError: L1: metrics: *10 images of the baseline missing*",
            "*::test_other_images: not compared: L1: metrics: * (and 1 more)",
        ]
    )
    assert "gate/check.py" not in result.stdout.str()
    assert len(baselines(guarded.path / ".p2p-eval")) == 1


def test_an_update_fails_then_the_next_run_passes(project: pytest.Pytester) -> None:
    project.makepyfile(ONE)
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *InputError: *got no baseline*"])
    result = run(project, "--p2p-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *AssertionError: baseline written, nothing compared: .p2p-eval/0001_*",
            "E *run again without --p2p-update.*",
            "*::test_quality: wrote .p2p-eval/0001_*.json",
            "this run fails, as it wrote baselines*",
        ]
    )
    result = run(project, "--p2p-update-allowed")  # alone it writes nothing
    result.assert_outcomes(passed=1)
    result = run(project, "--p2p-update", "--p2p-update-allowed")
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*::test_quality: wrote .p2p-eval/0002_*.json"])
    assert "this run fails" not in result.stdout.str()
    assert [p.name[:5] for p in baselines(project.path / ".p2p-eval")] == ["0001_", "0002_"]


def test_a_baseline_names_the_commit_of_the_project(project: pytest.Pytester) -> None:
    """Wherever a test is at the time."""
    for line in ("init -q", "add pyproject.toml", "commit -q -m first"):
        names = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *names, *line.split()], cwd=project.path, check=True)
    git = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(git, cwd=project.path, check=True, capture_output=True, text=True)
    project.makepyfile(
        """
        def test_quality(assert_quality, monkeypatch):
            monkeypatch.chdir("/")
            checked = assert_quality("scores")
            assert checked.passed and checked.source.startswith("0001_")
        """
    )
    run(project, "--p2p-update", "--p2p-update-allowed").assert_outcomes(passed=1)
    (path,) = baselines(project.path / ".p2p-eval")
    assert path.name.split("_")[1] == commit.stdout[:8]


@pytest.mark.parametrize("workers", [(), ("-p", "xdist.plugin", "-n", "1")])
def test_an_update_fails_the_run_even_where_the_test_does_not(
    project: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.xfail
        def test_expected(assert_quality):
            assert_quality("scores")

        def test_caught(assert_quality):
            with pytest.raises(AssertionError):
                assert_quality("scores", "another")
        """
    )
    result = run(project, "--p2p-update", *workers)
    result.assert_outcomes(passed=1, xfailed=1)
    assert result.ret == 1


def test_an_update_writes_nothing_that_no_check_accepts(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_bad_settings(assert_quality):
            assert_quality("scores", settings={"draws": 1})

        def test_no_figure(assert_quality):
            assert_quality("scores", settings={"figures": ["nothing"]})
        """
    )
    run(project, "--p2p-update", "--p2p-update-allowed").assert_outcomes(failed=2)
    assert not (project.path / ".p2p-eval").exists()


def test_workers_that_update_lose_nothing(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_quality(assert_quality, number):
            assert_quality("scores")
        """
    )
    xdist = ("-p", "xdist.plugin", "-n", "2")
    result = run(project, *xdist, "--p2p-update")
    result.assert_outcomes(failed=4)
    names = [path.name[:4] for path in baselines(project.path / ".p2p-eval")]
    assert names == ["0001", "0002", "0003", "0004"]
    result.stdout.fnmatch_lines(["4 baselines were written to .p2p-eval, and only the newest *"])
    assert sum(": wrote .p2p-eval/000" in line for line in result.outlines) == 4
    result = run(project, *xdist)
    result.assert_outcomes(passed=4)
    assert sum(": passed: 5 same" in line for line in result.outlines) == 4


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-p", "xdist.plugin", "-n", "1"),
        ("--doctest-modules", "--import-mode=importlib", "--strict-config", "--strict-markers"),
        ("-p", "no:terminal"),
    ],
)
def test_it_disturbs_nobody(project: pytest.Pytester, options: tuple[str, ...]) -> None:
    project.makepyfile(
        """
        import sys

        def test_nothing_heavy_is_loaded(assert_quality):
            heavy = {"torch", "numpy", "rich", "typer", "fcn", "p2p_eval.gate"}
            assert heavy.isdisjoint(sys.modules)
        """
    )
    result = run(project, *options)
    assert result.ret == 0
    assert "quality gate" not in result.stdout.str()


def test_the_entry_point(guarded: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pyproject.toml names is found by pytest, and can be left out."""
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    lines = "\n".join(f"{name} = {module}" for name, module in entries["pytest11"].items())
    installed = guarded.mkdir("installed") / "somewhere-1.dist-info"
    installed.mkdir()
    installed.joinpath("METADATA").write_text("Name: somewhere\nVersion: 1\n")
    installed.joinpath("entry_points.txt").write_text(f"[pytest11]\n{lines}\n")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    monkeypatch.setenv("PYTHONPATH", str(installed.parent), prepend=os.pathsep)
    guarded.makepyfile(ONE)
    result = guarded.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*::test_quality: passed: 5 same*"])
    result = guarded.runpytest_subprocess("-p", "no:p2p_eval")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'assert_quality' not found*"])
