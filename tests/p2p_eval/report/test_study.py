"""What the page says of a real-vs-fake study."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from p2p_eval.errors import StoreError
from p2p_eval.report.page import write_report
from p2p_eval.report.read import collect
from p2p_eval.report.study import difference_table, study_panel, study_table
from p2p_eval.study.analysis import FILE, analyze_files
from p2p_eval.study.report import StudyReport
from p2p_eval.study.simulate import Crowd, made_up_sessions, simulate
from p2p_eval.study.votes import write_votes

HOSTILE = "<script>alert(1)</script>"


def study(out: Path, *names: str, people: int = 12) -> StudyReport:
    """Analyze simulated answers."""
    crowds = {name: Crowd(0.1 * (place + 1), 0.05) for place, name in enumerate(names)}
    sessions = made_up_sessions(names, people, seed=1)
    path = out.parent / "votes.csv"
    write_votes(path, simulate(sessions, crowds, practice=10, seed=1), "0" * 64)
    return analyze_files([path], out=out, draws=200)


def test_the_page_shows_what_the_file_says(tmp_path: Path) -> None:
    report = study(tmp_path / "out", "L1", "cGAN", HOSTILE)
    page = write_report(tmp_path / "out")
    text = page.path.read_text()
    assert '<h2 id="study">Real vs fake</h2>' in text
    for entry in report.algorithms:
        assert f"<td>{entry.labelled_real_pct:.1f}<small>± {entry.std:.1f}</small>" in text
        assert f"<small>[{entry.low:.1f}, {entry.high:.1f}]</small>" in text
        assert entry.signature in text
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert "L1 − cGAN" in text
    assert text == write_report(tmp_path / "out").path.read_text()


def test_tables_and_panel(tmp_path: Path) -> None:
    report = study(tmp_path / "out", "L1", "cGAN")
    found = collect(tmp_path / "out").study
    assert found is not None
    (first, second) = study_table(found).lines
    assert (first.name, second.name) == ("L1", "cGAN")
    assert first.cells[1].text == str(report.algorithms[0].participants)
    table = difference_table(found)
    assert table is not None
    assert table.lines[0].name == "L1 − cGAN"
    contrast = report.differences["L1", "cGAN"]
    assert table.lines[0].cells[0].text == f"{contrast.difference:.1f}".replace("-", "−")
    panel = study_panel(found)
    assert panel is not None
    for strip, entry in zip(panel.strips, found.algorithms, strict=True):
        assert strip.dots.count("M") == len(entry.images) == 50 - 10
        assert strip.low is not None
        assert strip.mean is not None
        assert strip.high is not None
        assert strip.low < strip.mean < strip.high


def test_who_was_left_out_is_named(tmp_path: Path, golden: Path) -> None:
    analyze_files([golden / "study/mturk_batch_results.csv"], practice=20, out=tmp_path, draws=50)
    text = write_report(tmp_path).path.read_text()
    assert "session A0013 of W0012 (our_adv_dna, 50 answers): took part before" in text
    assert "has no AcceptTime" in text


def test_rates_alone(tmp_path: Path) -> None:
    entry = {
        "name": "pix2pix", "labelled_real_pct": 22.5, "bootstrap_std": 1.6, "ci95": [19.0, 26.0],
        "participants": 50, "trials": 2000,
    }  # fmt: skip
    document = {"schema": "p2p-eval/study/1", "algorithms": [entry]}
    (tmp_path / FILE).write_text(json.dumps(document))
    text = write_report(tmp_path).path.read_text()
    assert "<td>22.5<small>± 1.6</small><small>[19.0, 26.0]</small></td>" in text
    found = collect(tmp_path).study
    assert found is not None
    assert (study_panel(found), difference_table(found)) == (None, None)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["algorithms"][0].update(labelled_real_pct="22"),
        lambda d: d["algorithms"][0].update(images=[{"fooled": -1, "trials": 1}]),
        lambda d: d["differences"][0].update(ci95=[1]),
        lambda d: d["excluded"].append({"session": 1}),
    ],
)
def test_damaged(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    study(tmp_path / "out", "L1", "cGAN", people=3)
    path = tmp_path / "out" / FILE
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(StoreError, match=r"study\.json: damaged"):
        collect(tmp_path / "out")
