"""Tables: the figures of the score files, rounded, and marked where they must not be compared."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from score_files import write_metrics, write_segmentation

from p2p_eval.report.read import collect
from p2p_eval.report.tables import (
    Cell,
    comparison_groups,
    metrics_tables,
    segmentation_table,
)
from p2p_eval.scores.numbers import decimals_for, shown_number
from p2p_eval.scores.signature import marks

IMAGES = [f"image{number}" for number in range(6)]


def test_figures_are_those_of_the_score_file(scored: Path) -> None:
    (table,) = metrics_tables(collect(scored).experiments)
    figures = json.loads((scored / "L1" / "metrics" / "score.json").read_text())
    psnr = figures["experiments"][0]["metrics"]["psnr"]
    assert [column.name for column in table.columns][:2] == ["psnr", "ssim"]
    cell = table.lines[0].cells[0]
    assert cell.text == f"{psnr['mean']:.2f}"
    assert cell.below[0] == "[{:.2f}, {:.2f}]".format(*psnr["ci95"])
    assert cell.below[2] == "1 × ∞ left out"
    assert not table.mixed


def test_the_best_of_a_column_follows_its_direction(scored: Path) -> None:
    (table,) = metrics_tables(collect(scored).experiments)
    better = {"ssim": max, "gmsd": min, "lpips[alex-v0.1]": min, "fid": min}
    for index, column in enumerate(table.columns[:-1]):
        cells = [line.cells[index] for line in table.lines]
        values = [float(cell.text.replace("−", "-")) for cell in cells]
        choose = better.get(column.name, lambda v: min(v, key=abs))
        expected = [value == choose(values) and column.name != "psnr" for value in values]
        assert [cell.best for cell in cells] == expected  # with infinite values, none is best


def test_only_infinite_values_are_an_infinite_mean(scored: Path) -> None:
    path = scored / "L1" / "metrics" / "score.json"
    document = json.loads(path.read_text())
    psnr = document["experiments"][0]["metrics"]["psnr"]
    psnr.update(mean=None, std=None, ci95=[None, None], infinite=12)
    path.write_text(json.dumps(document))
    (table,) = metrics_tables(collect(scored).experiments)
    assert table.lines[0].cells[0] == Cell("∞", ("12 × ∞",))


def test_other_signatures_are_marked_and_nothing_is_best(tmp_path: Path) -> None:
    write_metrics(tmp_path / "out", "old", IMAGES, version="0.0.9")
    write_metrics(tmp_path / "out", "new", IMAGES, seed=1)
    (table,) = metrics_tables(collect(tmp_path / "out").experiments)
    assert table.mixed
    assert {cell.mark for line in table.lines for cell in line.cells[:-1]} == {"a", "b"}
    assert not any(cell.best for line in table.lines for cell in line.cells)
    assert {(note.subject, note.mark) for note in table.notes} >= {("psnr", "a"), ("psnr", "b")}


def test_a_metric_that_one_experiment_lacks_is_a_dash(scored: Path) -> None:
    path = scored / "L1" / "metrics" / "score.json"
    document = json.loads(path.read_text())
    del document["experiments"][0]["metrics"]["fid"]
    path.write_text(json.dumps(document))
    (table,) = metrics_tables(collect(scored).experiments)
    assert [line.cells[5].text for line in table.lines] == ["–", "88.50"]


def test_many_metrics_take_several_tables(scored: Path) -> None:
    path = scored / "L1" / "metrics" / "score.json"
    document = json.loads(path.read_text())
    metrics = document["experiments"][0]["metrics"]
    metrics.update({f"fid[{number}]": metrics["fid"] for number in range(9)})
    path.write_text(json.dumps(document))
    tables = metrics_tables(collect(scored).experiments)
    assert [len(table.columns) - 1 for table in tables] == [5, 5, 5]
    names = [column.name for table in tables for column in table.columns[:-1]]
    assert names[:6] == list(metrics)[:6]


def test_protocols_have_tables_of_their_own(tmp_path: Path) -> None:
    for seed, name in enumerate(("a", "b")):
        write_segmentation(tmp_path, name, "fcn", seed=seed, extra=1)
    entries = [
        (experiment.name, experiment.fcn.entries[0])
        for experiment in collect(tmp_path).experiments
        if experiment.fcn
    ]
    table = segmentation_table(entries)
    assert [column.name for column in table.columns][-2:] == ["frames", "dropped"]
    assert [cell.text for cell in table.lines[0].cells[-2:]] == ["6", "1"]
    assert len(table.notes) == 1


def test_comparisons_stand_by_pair(scored: Path) -> None:
    ((a, b, lines),) = comparison_groups(collect(scored).comparisons)
    assert (a, b) == ("L1", "L1+cGAN")
    assert [line.source.metric for line in lines][:2] == ["psnr", "ssim"]
    for line in lines:
        assert -1 < line.low < line.middle < line.high < 1


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (12.345, 2, "12.35"),
        (-0.5, 1, "−0.5"),
        (-0.0001, 2, "0.00"),
        (math.inf, 2, "∞"),
        (math.nan, 2, "–"),
        (None, 2, "–"),
    ],
)
def test_shown_number(value: float | None, decimals: int, text: str) -> None:
    assert shown_number(value, decimals) == text


def test_decimals_show_four_digits() -> None:
    assert [decimals_for([v]) for v in (1234.5, 99.0, 0.5, 1e-9, 0.0, math.inf)] == [
        0,
        2,
        4,
        6,
        3,
        3,
    ]


def test_marks_go_on_after_z() -> None:
    letters = list(marks(map(str, range(28))).values())
    assert letters[0] == "a"
    assert letters[25:] == ["z", "aa", "ab"]
