"""``p2p-eval study`` as a user meets it: stdout, stderr, exit codes and files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from study_results import pairs
from typer.testing import CliRunner, Result

from p2p_eval.cli import app
from p2p_eval.study.design import design
from p2p_eval.study.images import write_study

Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["study", *map(str, arguments)])


def test_simulate_then_analyze(call: Call, tmp_path: Path) -> None:
    made = call("simulate", "--rate", "L1=3", "--rate", "L1+cGAN=19", "--people", 20)
    assert made.exit_code == 0
    assert "L1+cGAN: 19 % labelled real is the true rate" in made.stdout
    result = call("analyze", "votes.csv", "--draws", 500)
    assert result.exit_code == 0
    assert "% labelled" in result.stdout
    assert "L1 − L1+cGAN" in result.stdout
    assert "20" in result.stdout
    document = json.loads((tmp_path / "p2p-eval-out/study.json").read_bytes())
    assert [entry["name"] for entry in document["algorithms"]] == ["L1", "L1+cGAN"]
    printed = call("analyze", "votes.csv", "--draws", 500, "--json")
    assert json.loads(printed.stdout) == document


def test_a_study_s_own_plan(call: Call, tmp_path: Path) -> None:
    found = pairs(tmp_path / "results", "L1", count=14)
    plan = design(found, trials=10, practice=4, sessions_per_algorithm=5, seed=0)
    write_study(tmp_path / "study", plan, found)
    assert call("simulate", "study", "--rate", 30, "--votes", "v.csv").exit_code == 0
    result = call("analyze", "v.csv", "--json", "--draws", 100)
    document = json.loads(result.stdout)
    assert document["plans"] == [plan.hash]
    assert document["algorithms"][0]["trials"] == 50


def test_who_is_left_out_is_named(call: Call, golden: Path) -> None:
    batch = golden / "study/mturk_batch_results.csv"
    result = call("analyze", batch, "--practice", 20, "--quiet", "--draws", 100)
    assert result.exit_code == 0
    lines = [line for line in result.stderr.splitlines() if line.startswith("left out: ")]
    assert len(lines) == 16
    assert lines[0].startswith("left out: session A0013 of W0012 (our_adv_dna, 50 answers): took")
    everyone = call("analyze", batch, "--practice", 20, "--participants", "all", "--json",
                    "--draws", 100)  # fmt: skip
    assert json.loads(everyone.stdout)["excluded"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("analyze", "none.csv"), "there is no such file"),
        (("analyze", "votes.csv", "--participants", "some"), "got --participants 'some'"),
        (("simulate", "--rate", "high"), "got --rate 'high', expected 0 to 100"),
        (("simulate", "--rate", "101"), "got --rate '101'"),
        (("simulate", "--rate", "=20"), "got --rate '=20', expected a NAME"),
        (("simulate", "--rate", "a\nb=20"), "expected a NAME of printable characters"),
        (("simulate", "--rate", "20", "--spread", "40"), "got spread 0.4"),
        (("simulate", "nowhere"), "got no plan.json"),
        (("power", "--rate", "0"), "got rate 0.0"),
    ],
)
def test_refused(call: Call, arguments: tuple[str, ...], message: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_power(call: Call) -> None:
    result = call("power", "--half-width", 5, "--rate", 19)
    assert result.exit_code == 0
    assert result.stdout.startswith("30 people an algorithm, with 40 trials each: 19 % ± 5 points")
