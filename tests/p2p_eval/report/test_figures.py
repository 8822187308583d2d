"""Geometry of the plots."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from score_files import write_color, write_metrics

from p2p_eval.report.collected import Confusion
from p2p_eval.report.figures import color_groups, distributions, heat
from p2p_eval.report.read import collect


def test_a_panel_for_each_metric_with_values(scored: Path) -> None:
    panels = distributions(collect(scored).experiments)
    names = ["psnr", "ssim", "gmsd", "lpips[alex-v0.1]", "spectrum[blur]"]
    assert [panel.metric for panel in panels] == names
    psnr = panels[0]
    assert [strip.name for strip in psnr.strips] == ["L1", "L1+cGAN"]
    assert psnr.strips[0].dots.count("M") == 11
    assert psnr.strips[0].remark == "1 infinite not drawn"


def test_everything_lies_inside_its_panel_and_in_order(scored: Path) -> None:
    for panel in distributions(collect(scored).experiments):
        for strip in panel.strips:
            places = [float(x) for x in re.findall(r"M([\d.]+) ", strip.dots)]
            assert places == sorted(places)
            assert 0 < places[0] < places[-1] < 360
            assert strip.box
            assert places[0] <= strip.box.low <= strip.box.median <= strip.box.high <= places[-1]
            assert strip.low is not None
            assert strip.mean is not None
            assert strip.high is not None
            assert strip.low <= strip.mean <= strip.high
        assert panel.ticks
        assert all(0 < tick.at < 360 for tick in panel.ticks)


def test_an_experiment_with_infinite_values_only_keeps_its_place(scored: Path) -> None:
    path = scored / "L1" / "metrics" / "values.json"
    document = json.loads(path.read_text())
    for row in document["rows"]:
        row["values"]["psnr"] = "inf"
    path.write_text(json.dumps(document))
    strip, other = distributions(collect(scored).experiments)[0].strips
    assert (strip.name, strip.dots, strip.box) == ("L1", "", None)
    assert strip.remark == "12 infinite not drawn"
    assert other.dots


def test_many_images_are_thinned_and_that_is_said(tmp_path: Path) -> None:
    write_metrics(tmp_path / "out", "many", [f"i{n}" for n in range(500)], size=(8, 8))
    panel = distributions(collect(tmp_path / "out").experiments)[1]
    assert panel.strips[0].dots.count("M") == 400
    assert panel.strips[0].remark == "400 of 500 drawn"


def test_equal_values_have_an_axis(tmp_path: Path) -> None:
    write_metrics(tmp_path / "out", "one", ["image0"])
    panels = distributions(collect(tmp_path / "out").experiments)
    assert len(panels) == 5
    assert all(panel.ticks for panel in panels)


@pytest.mark.parametrize("ends", [(1.7e308, 0.5), (5e-324, 0.0), (1e16, 1e16 + 2)])
def test_values_that_no_metric_gives_break_nothing(scored: Path, ends: tuple[float, float]) -> None:
    path = scored / "L1" / "metrics" / "values.json"
    document = json.loads(path.read_text())
    for row, value in zip(document["rows"], ends * 6, strict=True):
        row["values"]["ssim"] = value
    path.write_text(json.dumps(document))
    panel = distributions(collect(scored).experiments)[1]
    assert 6 <= panel.strips[0].dots.count("M") <= 12


def test_histograms_share_a_plot_only_with_the_same_real_images(tmp_path: Path) -> None:
    write_color(tmp_path, "a", seed=1)
    write_color(tmp_path, "b", seed=2)
    write_color(tmp_path, "c", seed=3, real=7)
    write_color(tmp_path, "d", seed=4, bins=32)
    groups = color_groups(collect(tmp_path).experiments)
    assert [[name for name, _ in group.names] for group in groups] == [["a", "b"], ["c"], ["d"]]
    assert [plot.channel for plot in groups[0].plots] == ["L", "a", "b"]
    assert [curve.style for curve in groups[0].plots[0].curves] == ["real", "c0 d0", "c1 d0"]


def test_curves_stay_inside_and_break_at_empty_bins(tmp_path: Path) -> None:
    write_color(tmp_path, "a", bins=16)
    path = tmp_path / "a" / "color_hist" / "histogram.csv"
    lines = path.read_text().splitlines()
    cells = lines[8].split(",")
    lines[8] = ",".join([*cells[:3], "0", cells[4]])
    path.write_text("\n".join(lines))
    ((plot, *_),) = (group.plots for group in color_groups(collect(tmp_path).experiments))
    generated = plot.curves[1].path
    assert generated.count("M") == 2
    for curve in plot.curves:
        points = re.findall(r"[ML]([\d.]+) ([\d.]+)", curve.path)
        assert all(34 <= float(x) <= 350 and 0 <= float(y) <= 186 for x, y in points)


def test_an_empty_histogram_is_an_empty_curve(tmp_path: Path) -> None:
    write_color(tmp_path, "a", bins=4)
    path = tmp_path / "a" / "color_hist" / "histogram.csv"
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *(",".join([*x.split(",")[:3], "0", "0"]) for x in lines)]))
    ((plot, *_),) = (group.plots for group in color_groups(collect(tmp_path).experiments))
    assert [curve.path for curve in plot.curves] == ["", ""]


def test_heat_is_percent_of_each_class() -> None:
    counts = np.array([[75, 25, 0], [0, 0, 0], [1, 0, 999]])
    shown = heat(Confusion(("road", "sky"), counts[:2]))
    assert shown.outputs == ("road", "sky", "extra output")
    assert shown.lines[0] == ("road", (("75", 8, True), ("25", 3, False), ("", 0, False)))
    assert shown.lines[1] == ("sky", (("", 0, False), ("", 0, True), ("", 0, False)))
    shown = heat(Confusion(("a", "b", "c"), counts))
    assert shown.lines[2][1] == (("0", 1, False), ("", 0, False), ("100", 10, True))


@pytest.mark.parametrize("count", [1, 7, 25])
def test_styles_of_experiments_differ(count: int) -> None:
    from p2p_eval.report.figures import style_of

    assert len({style_of(index) for index in range(min(count, 24))}) == min(count, 24)
