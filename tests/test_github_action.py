"""The GitHub Action's steps, run by bash as GitHub runs them, on good, worse and hostile input."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

sys.path[:0] = [str(Path(__file__).parent / "helpers")]

from score_files import worsen, write_metrics  # noqa: E402

from p2p_eval.gate.measured import read_scores  # noqa: E402
from p2p_eval.gate.series import add  # noqa: E402

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
INPUT = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")
HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    '"; touch pwned; "',
    "'; touch pwned; '",
    "--help",
    "scores\npassed=true",
    "${{ github.token }}",
    "*",
]


@dataclass(frozen=True)
class Done:
    """What a run of the action left."""

    code: int
    outputs: dict[str, str]
    summary: str
    log: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    images = [f"image{number}" for number in range(30)]
    for name in ("p2p-eval-out", "worse"):
        write_metrics(folder / name, "L1", images)
    worsen(folder / "worse", "L1", "gmsd", 0.05)
    write_metrics(folder / "other", "L1", images[:20])
    add(folder / ".p2p-eval", read_scores(folder / "p2p-eval-out").scored)
    return folder


@pytest.fixture
def workspace(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "a work space"))


def run(workspace: Path, **inputs: str) -> Done:
    """Run the steps one after another until one fails, each in a shell of its own."""
    given = {name: entry["default"] for name, entry in ACTION["inputs"].items()}
    given |= {"package": "installed", "python": sys.executable}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    assert set(given) == set(ACTION["inputs"])
    runner = workspace.parent / "runner"
    runner.mkdir(exist_ok=True)
    files = {name: runner / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    log, code = "", 0
    for step in STEPS:
        assert step["shell"] == "bash"
        script = runner / "script.sh"
        script.write_text(step["run"])
        own = {
            name: INPUT.sub(lambda match: given[match[1]], text, count=1)
            for name, text in step["env"].items()
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=workspace,
            env={
                **os.environ,
                **own,
                **{name: str(file) for name, file in files.items()},
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTION_PATH": str(ROOT),
                "RUNNER_TEMP": str(runner),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        log, code = log + done.stdout, done.returncode
        if code:
            break
    lines = files["GITHUB_OUTPUT"].read_text().splitlines()
    outputs = dict(line.split("=", 1) for line in lines)
    assert len(outputs) == len(lines)
    return Done(code, outputs, files["GITHUB_STEP_SUMMARY"].read_text(), log)


def test_no_input_stands_in_a_script() -> None:
    for step in STEPS:
        assert "${{" not in step["run"]
        assert all(INPUT.fullmatch(text) for text in step["env"].values())
    used = {INPUT.sub(r"\1", text) for step in STEPS for text in step["env"].values()}
    assert used == set(ACTION["inputs"])
    names = {name: entry["value"] for name, entry in ACTION["outputs"].items()}
    assert names == {name: f"${{{{ steps.gate.outputs.{name} }}}}" for name in names}
    assert [step.get("id") for step in STEPS][-1] == "gate"


def test_the_same_model_passes(workspace: Path) -> None:
    done = run(workspace)
    assert done.outputs == {
        "passed": "true",
        "exit-code": "0",
        "markdown": "p2p-eval-gate.md",
        "json": "p2p-eval-gate.json",
    }, done.log
    assert done.code == 0
    assert set(done.outputs) == set(ACTION["outputs"])
    assert json.loads((workspace / "p2p-eval-gate.json").read_text())["passed"] is True
    assert "Quality gate passed" in done.summary
    assert "Quality gate passed" in (workspace / "p2p-eval-gate.md").read_text()
    assert "::error" not in done.log


def test_a_worse_model_fails(workspace: Path) -> None:
    done = run(
        workspace, scores="worse", junit="new/gate.xml", json="new/gate.json", markdown="new/a.md",
        compare="1", image_url="https://example.org/raw/", arguments="\n--quiet\n\n",
    )  # fmt: skip
    assert (done.code, done.outputs["passed"], done.outputs["exit-code"]) == (1, "false", "1")
    (line,) = [line for line in done.log.splitlines() if line.startswith("::error")]
    assert "gmsd: worse" in line
    assert "Quality gate failed" in done.summary
    assert "https://example.org/raw/results/" in (workspace / "new" / "a.md").read_text()
    assert len(list(ET.parse(workspace / "new" / "gate.xml").iter("failure"))) == 1
    assert json.loads((workspace / done.outputs["json"]).read_text())["passed"] is False


def test_settings_are_taken(workspace: Path) -> None:
    (workspace / "loose settings.toml").write_text("tolerance = 1\n")
    assert run(workspace, scores="worse", settings="loose settings.toml").code == 0


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"scores": "other"}, "10 images of the baseline missing"),
        ({"scores": "nowhere"}, "nowhere"),
        ({"baseline": "nowhere"}, "got no baseline"),
        ({"settings": "nowhere.toml"}, "nowhere.toml"),
        ({"json": ""}, "got no path in the input json"),
        ({"json": "action/../p2p-eval-out/L1"}, "the input json cannot be written"),
        ({"arguments": "--update"}, "nothing was compared"),
        ({"arguments": "--list"}, "nothing was compared"),
        ({"arguments": "--help"}, "nothing was compared"),
        ({"arguments": "--unknown"}, "No such option"),
    ],
)
def test_what_was_not_compared_is_no_pass(
    workspace: Path, inputs: dict[str, str], text: str
) -> None:
    done = run(workspace, **inputs)
    assert (done.code, done.outputs["passed"], done.outputs["exit-code"]) == (2, "false", "2")
    assert text in done.log


@pytest.mark.parametrize("name", sorted(set(ACTION["inputs"]) - {"python", "package"}))
def test_hostile_text_is_only_text(made: Path, tmp_path: Path, name: str) -> None:
    """Wherever it stands, it runs nothing, and writes no output of its own."""
    for number, text in enumerate(HOSTILE):
        workspace = Path(shutil.copytree(made, tmp_path / str(number) / "work"))
        done = run(workspace, **{name: text})
        assert not list(tmp_path.rglob("pwned"))
        # Any text is a path that can be written; those that are outputs hold no line end.
        written = name == "junit" or (name in ("markdown", "json") and "\n" not in text)
        passed, code = ("true", 0) if written else ("false", 2)
        assert (done.outputs["passed"], done.code) == (passed, code), done.log


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel without dependencies, whose program is the installed p2p-eval."""
    path = tmp_path_factory.mktemp("wheels") / "forwarded-1-py3-none-any.whl"
    program = str(Path(sys.executable).parent / "p2p-eval")
    files = {
        "forwarded.py": f"import os, sys\ndef main(): os.execv({program!r}, sys.argv)\n",
        "forwarded-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: forwarded\nVersion: 1\n",
        "forwarded-1.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
        "forwarded-1.dist-info/entry_points.txt": (
            "[console_scripts]\np2p-eval = forwarded:main\n"
        ),
    }
    record = "".join(f"{name},{_digest(text)},{len(text)}\n" for name, text in files.items())
    files["forwarded-1.dist-info/RECORD"] = record + "forwarded-1.dist-info/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.fixture
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")


@pytest.mark.usefixtures("_offline")
def test_a_package_is_installed_into_a_place_of_its_own(workspace: Path, wheel: Path) -> None:
    done = run(workspace, package=f"forwarded @ {wheel.as_uri()}")
    assert (done.code, done.outputs["passed"]) == (0, "true"), done.log
    assert (workspace.parent / "runner" / "p2p-eval-gate" / "bin" / "p2p-eval").exists()


@pytest.mark.usefixtures("_offline")
@pytest.mark.parametrize("package", ["-r requirements.txt", "--help", "x; touch pwned"])
def test_a_hostile_package_is_refused(workspace: Path, package: str) -> None:
    (workspace / "requirements.txt").write_text("")
    done = run(workspace, package=package)
    assert done.code != 0
    assert done.outputs == {}  # the gate did not run
    assert not list(workspace.parent.rglob("pwned"))
