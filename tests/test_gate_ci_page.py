"""docs/gate-ci.md: its commands run, its settings are taken, and its jobs name what there is."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent / "helpers")]

from study_results import results  # noqa: E402

from p2p_eval.gate.settings import read_table  # noqa: E402

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "gate-ci.md").read_text()
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


def blocks(language: str) -> list[str]:
    return [textwrap.dedent(text) for _, kind, text in BLOCK.findall(PAGE) if kind == language]


def yaml_block(key: str) -> dict[str, object]:
    (found,) = [d for d in map(yaml.safe_load, blocks("yaml")) if key in d]
    assert isinstance(found, dict)
    return found


def shell(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", line],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with images and nothing else."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    for name, value in (
        ("PATH", path), ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@example.org"),
        ("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@example.org"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    results(tmp_path / "results", "L1")
    assert shell(tmp_path, "git init -q .").returncode == 0
    return tmp_path


def passes(folder: Path, line: str) -> None:
    done = shell(folder, line)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_the_commands(project: Path) -> None:
    """In their order: a baseline, a pipeline of each kind that passes, a new baseline."""
    first, pytest_lines, renewed = blocks("sh")
    for line in first.splitlines():
        passes(project, line)
    jobs = yaml_block("quality-gate")["quality-gate"]["script"]  # type: ignore[index]
    (jenkins,) = blocks("groovy")
    steps = [*jobs, *re.findall(r"^ *sh '(.*)'$", jenkins, re.MULTILINE)]
    commands = [step for step in steps if not step.startswith("pip install")]
    hook = yaml_block("repos")["repos"][0]["hooks"][0]["entry"]  # type: ignore[index]
    assert len(commands) == 4
    for line in (*commands, hook):
        passes(project, line)
    assert (project / "gate.xml").exists()
    assert (project / "gate.md").exists()

    (test,) = blocks("python")
    (project / "test_quality.py").write_text(test)
    (project / "pytest.ini").write_text("[pytest]\naddopts = -p p2p_eval.pytest_plugin\n")
    lines = pytest_lines.splitlines()
    done = [shell(project, f"PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 {line}") for line in lines]
    assert [entry.returncode for entry in done] == [1, 0, 0], done[1].stdout

    for line in renewed.splitlines():
        passes(project, line)
    log = shell(project, "git log --format=%s -- .p2p-eval").stdout.splitlines()
    assert log == ["Quality baseline: new decoder", "Quality baseline"]


def test_the_settings() -> None:
    tables = blocks("toml")
    assert len(tables) == 3
    for text in tables:
        read_table("the page", tomllib.loads(text)["tool"]["p2p_eval"]["gate"])


def test_the_workflow_names_what_the_action_has() -> None:
    text = next(text for text in blocks("yaml") if "jobs:" in text)
    steps = yaml.safe_load(text)["jobs"]["gate"]["steps"]
    (step,) = [step for step in steps if "/p2p-eval@" in step.get("uses", "")]
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert set(re.findall(r"steps\.gate\.outputs\.([a-z-]+)", text)) <= set(ACTION["outputs"])
    rows = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]
    assert sorted(named) == sorted(ACTION["inputs"])


def test_jobs_are_of_the_shape_that_their_readers_expect() -> None:
    job = yaml_block("quality-gate")["quality-gate"]
    assert job["artifacts"]["when"] == "always"  # type: ignore[index]
    assert job["artifacts"]["reports"] == {"junit": "gate.xml"}  # type: ignore[index]
    (jenkins,) = blocks("groovy")
    assert jenkins.count("{") == jenkins.count("}")
