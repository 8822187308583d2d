"""What the command does with a check: exit codes, streams, files, GitHub."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from made_scores import metrics

from p2p_eval.cli.gate_check import run_check
from p2p_eval.errors import GateError, InputError
from p2p_eval.gate.scored import Scored
from p2p_eval.gate.settings import Settings

ROWS = np.random.default_rng(0).normal(20, 2, (30, 2))
BASELINE = metrics(ROWS)
WORSE = metrics(ROWS + np.array([0, 3]))


@pytest.fixture(autouse=True)
def _outside_github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.chdir(tmp_path)


def run(current: Scored, **options: object) -> int:
    return run_check(
        [BASELINE],
        [current],
        Settings(),
        out=Path("out"),
        source="0001",
        **options,  # type: ignore[arg-type]
    )


def test_a_pass_and_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(BASELINE) == 0
    out, err = capsys.readouterr()
    assert "L1: passed: 2 same (against 0001)" in out
    assert err == ""
    assert run(WORSE) == 1
    out, err = capsys.readouterr()
    assert out.index("lpips") < out.index("psnr")
    assert "images that got worse most: image0000 (3)" in err
    assert run(WORSE, quiet=True) == 1
    assert capsys.readouterr().err == ""


def test_json_is_all_of_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(WORSE, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is False
    assert [entry["verdict"] for entry in document["figures"]] == ["same", "worse"]


def test_files_are_written(tmp_path: Path) -> None:
    junit, markdown = tmp_path / "new" / "gate.xml", tmp_path / "gate.md"
    assert run(WORSE, junit=junit, markdown=markdown) == 1
    assert len(list(ET.parse(junit).iter("failure"))) == 1
    assert markdown.read_text().startswith("### Quality gate failed: 1 worse, 1 same")


def test_what_cannot_be_compared_is_in_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    junit, markdown, summary = (tmp_path / name for name in ("gate.xml", "gate.md", "summary.md"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    with pytest.raises(GateError):
        run(metrics(ROWS[:20]), junit=junit, markdown=markdown)
    (error,) = ET.parse(junit).iter("error")
    assert "10 images of the baseline missing" in (error.get("message") or "")
    assert "10 images of the baseline missing" in markdown.read_text()
    assert "10 images of the baseline missing" in summary.read_text()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("::error title=quality gate::L1: metrics: other images")


def test_on_github(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert run(WORSE, as_json=True) == 1
    out, err = capsys.readouterr()
    json.loads(out)
    (line,) = [line for line in err.splitlines() if line.startswith("::")]
    assert line.startswith("::error title=L1%3A metrics lpips::L1: metrics lpips: worse: ")
    assert "95 %25 interval" in line
    assert "Quality gate failed" in summary.read_text()


def test_a_wrong_prefix_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--image-url"):
        run(WORSE, junit=tmp_path / "gate.xml", image_url="somewhere")
    assert list(tmp_path.iterdir()) == []
