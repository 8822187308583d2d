"""What the gate writes is well-formed whatever names hold, complete, and failing first."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from made_scores import metrics, study

from p2p_eval.errors import InputError
from p2p_eval.gate.check import check
from p2p_eval.gate.checked import SCHEMA, Checked, CheckedFigure
from p2p_eval.gate.outputs.github import add_summary, figure_annotations, problem_annotations
from p2p_eval.gate.outputs.junit import junit, junit_problems
from p2p_eval.gate.outputs.markdown import markdown, markdown_problems
from p2p_eval.gate.outputs.terminal import remarks, table
from p2p_eval.gate.outputs.texts import sentence, signed
from p2p_eval.gate.pictures import address_of, check_prefix, pictures
from p2p_eval.gate.settings import Settings
from p2p_eval.scores.values_file import MetricFacts, MetricValues, SourceFile, ValueRow

NASTY = "a|b<script>`*_[x](y)%0A\n::error::\x1b[31m\udc80&\"'"


def made(settings: Settings | None = None) -> Checked:
    """One figure of each verdict: better, worse, same and not to be told."""
    rng = np.random.default_rng(0)
    a = rng.normal(20, 2, (60, 3))
    b = a + np.array([1, 1, 0]) + rng.normal(0, 0.1, (60, 3))
    return check(
        [metrics(a, ["psnr", "lpips", "ssim"]), study(20.0, 5.0)],
        [metrics(b, ["psnr", "lpips", "ssim"]), study(19.0, 5.0)],
        settings,
        source=".p2p-eval/0003.json",
    )


def nasty(checked: Checked) -> Checked:
    """The same with names that break every format."""
    figures = [
        replace(
            figure,
            experiment=NASTY,
            name=NASTY,
            unit=NASTY,
            notes=(NASTY,),
            worst=tuple(replace(entry, image=NASTY) for entry in figure.worst),
        )
        for figure in checked.figures
    ]
    return replace(checked, figures=tuple(figures), notes=(NASTY,), source=NASTY)


def figure_of(checked: Checked, verdict: str) -> CheckedFigure:
    return next(figure for figure in checked.figures if figure.verdict == verdict)


def test_the_document() -> None:
    checked = made()
    files = {("L1", checked.of("worse")[0].worst[0].image): {"output": "../a.png"}}
    document = json.loads(json.dumps(checked.to_json(files), allow_nan=False))
    assert document["schema"] == SCHEMA == "p2p-eval/gate/1"
    assert document["passed"] is False
    assert document["counts"] == {"worse": 1, "cannot tell": 1, "better": 1, "same": 1}
    worse = document["figures"][1]
    figure = checked.of("worse")[0]
    assert worse["verdict"] == "worse"
    assert (worse["experiment"], worse["score"], worse["figure"]) == ("L1", "metrics", "lpips")
    for key in ("baseline", "current", "difference", "p", "tolerance"):
        assert worse[key] == getattr(figure, key)
    assert worse["corrected_p"] == figure.p_corrected
    assert worse["ci"] == list(figure.interval)
    assert worse["corrected_ci"] == list(figure.corrected)
    assert worse["worst_images"][0]["files"] == {"output": "../a.png"}
    assert len(worse["worst_images"]) == len(figure.worst) > 5


def test_what_is_not_a_number_is_null_and_infinity_a_text() -> None:
    figure = replace(made().figures[0], difference=-math.inf, p=math.nan, interval=(-math.inf, 0))
    document = replace(made(), figures=(figure,)).to_json()
    json.dumps(document, allow_nan=False)
    (entry,) = document["figures"]
    assert (entry["difference"], entry["p"], entry["ci"]) == ("-inf", None, ["-inf", 0])


def test_junit_has_a_case_for_each_figure() -> None:
    (suite,) = ET.fromstring(junit(made()))
    assert suite.attrib == {
        "name": "p2p-eval gate", "tests": "4", "failures": "1", "errors": "0", "skipped": "1",
    }  # fmt: skip
    cases = {f"{case.get('classname')}.{case.get('name')}": case for case in suite.iter("testcase")}
    assert list(cases) == [
        "L1.metrics.psnr", "L1.metrics.lpips", "L1.metrics.ssim", "L1.study.labelled_real_pct",
    ]  # fmt: skip
    failure = cases["L1.metrics.lpips"].find("failure")
    assert failure is not None
    assert (failure.get("message") or "").startswith("L1: metrics lpips: worse: ")
    assert re.search(r"image\d{4}: [\d.]+ -> [\d.]+, loss 1", failure.text or "")
    assert cases["L1.study.labelled_real_pct"].find("skipped") is not None
    assert cases["L1.metrics.psnr"].find("failure") is None


def test_what_cannot_be_told_fails_by_policy() -> None:
    checked = made(Settings(cannot_tell="fail"))
    (suite,) = ET.fromstring(junit(checked))
    assert (suite.get("failures"), suite.get("skipped")) == ("2", "0")
    assert [line.split(" ")[0] for line in figure_annotations(checked)] == ["::error"] * 2
    assert [line.split(" ")[0] for line in figure_annotations(made())] == ["::error", "::warning"]


def test_no_name_breaks_junit() -> None:
    root = ET.fromstring(junit(nasty(made())))
    case = next(root.iter("testcase"))
    assert case.get("name") == NASTY.replace("\x1b", "\ufffd").replace("\udc80", "\ufffd").replace(
        "\n", "\n"
    )
    errors = [e.get("message") for e in ET.fromstring(junit_problems([NASTY, "b"])).iter("error")]
    assert len(errors) == 2
    assert errors[1] == "b"


def test_markdown_shows_what_failed_first_with_pictures() -> None:
    checked = made()
    image = checked.of("worse")[0].worst[0].image
    text = markdown(checked, {("L1", image): {"output": "a b.png", "target": "t.png"}})
    lines = text.split("\n")
    assert lines[0] == "### Quality gate failed: 1 worse, 1 cannot tell, 1 better, 1 same"
    rows = [line for line in lines if line.startswith(("| ❌", "| ❔", "| ⬆️", "| ✅"))]
    assert [row.split(" | ")[1] for row in rows] == [
        "metrics lpips ↓", "study labelled\\_real\\_pct, % ↑", "metrics psnr, dB ↑",
        "metrics ssim ↑",
    ]  # fmt: skip
    assert len({row.count("|") for row in rows}) == 1
    (picture,) = [line for line in lines if "<img" in line]
    assert picture.startswith(f"| L1: {image} | lpips 1")
    assert '<a href="a b.png"><img src="a b.png" alt="output of' in picture
    assert picture.count("<img") == 2
    assert ".p2p-eval/0003.json" in text


def test_no_name_breaks_markdown() -> None:
    checked = nasty(made())
    image = checked.of("worse")[0].worst[0].image
    text = markdown(checked, {(NASTY, image): {"output": 'x" onerror="y'}})
    assert "<script" not in text.replace("\\<script", "")
    assert 'onerror="y' not in text
    table_lines = [line for line in text.split("\n") if line.startswith("|")]
    heading = table_lines[0].count("|")
    cells = [len(re.findall(r"(?<!\\)\|", line)) for line in table_lines]
    assert set(cells) == {heading, 6}  # the figures, and the images
    assert "\n::error" not in text
    assert "<script" not in markdown_problems([NASTY]).replace("\\<script", "")


def test_markdown_fits_into_a_comment() -> None:
    checked = made()
    many = replace(checked, figures=checked.figures * 3000, notes=("note " * 200,) * 3000)
    text = markdown(many, {})
    assert len(text) <= 60_000
    assert "and 11900 more" in text
    assert text.startswith("### Quality gate failed")
    assert len(markdown_problems(["x" * 3000] * 3000)) < 60_000


def test_annotations_are_one_line_each() -> None:
    lines = figure_annotations(nasty(made()))
    assert len(lines) == 2
    for line in (*lines, *problem_annotations([NASTY])):
        assert "\n" not in line
        assert "%250A%0A" in line
        title = line.split("title=", 1)[1].split("::", 1)[0]
        assert ":" not in title


def test_of_many_annotations_the_last_says_how_many_more() -> None:
    lines = problem_annotations([f"p{n}" for n in range(25)])
    assert len(lines) == 10
    assert lines[-1] == "::error title=quality gate::and 16 more"


def test_the_job_summary_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    assert add_summary({"GITHUB_STEP_SUMMARY": str(path)}, "after \udc80") is None
    assert path.read_text() == "before\nafter ?\n"
    assert add_summary({}, "x") is None
    assert "could not be written" in (
        add_summary({"GITHUB_STEP_SUMMARY": str(tmp_path)}, "x") or ""
    )


def test_the_table_has_what_failed_first() -> None:
    title, headings, rows = table(made())
    assert title == (
        "L1: failed: 1 worse, 1 cannot tell, 1 better, 1 same (against .p2p-eval/0003.json)"
    )
    assert [row[1] for row in rows] == ["worse", "cannot tell", "better", "same"]
    assert all(len(row) == len(headings) for row in rows)
    lines = remarks(made())
    assert any("images that got worse most: image" in line for line in lines)


def test_a_sentence() -> None:
    checked = made()
    figure = replace(
        figure_of(checked, "worse"), baseline=0.4, current=0.45, difference=0.05,
        interval=(0.03, 0.07), p_corrected=1e-6, tolerance=0.01, worst=(), notes=("a note",),
    )  # fmt: skip
    assert sentence(figure, checked) == (
        "L1: metrics lpips: worse: 0.4000 → 0.4500 (difference +0.0500, 95 % interval [+0.0300, "
        "+0.0700]; lower is better, tolerance 0.01; p < 0.0001 after Holm's correction); a note"
    )


@pytest.mark.parametrize(
    ("value", "text"), [(1e-9, "0.00"), (-1e-9, "0.00"), (math.inf, "+∞"), (-math.inf, "−∞")]
)
def test_signs(value: float, text: str) -> None:
    assert signed(value, 2) == text


def write_values(out: Path, names: list[str], path: Callable[[str], str]) -> None:
    rows = tuple(
        ValueRow(
            name,
            "0" * 64,
            {r: SourceFile(path(f"{name}-{r}.png"), None, "0" * 64) for r in ("output", "target")},
            {"psnr": 1.0},
        )
        for name in names
    )
    values = MetricValues("L1", {"psnr": MetricFacts("psnr|v:1", "higher", "dB")}, rows)
    folder = out / "L1" / "metrics"
    folder.mkdir(parents=True)
    (folder / "values.json").write_bytes(b"".join(values.lines()))


def test_pictures_of_the_images_that_got_worse(tmp_path: Path) -> None:
    checked = made()
    worst = checked.of("worse")[0].worst[0].image
    assert pictures(tmp_path, checked) == {}
    write_values(tmp_path, [worst, "other"], lambda name: f"../results/{name}")
    assert pictures(tmp_path, checked) == {
        ("L1", worst): {
            "output": f"../results/{worst}-output.png", "target": f"../results/{worst}-target.png",
        }
    }  # fmt: skip
    (tmp_path / "L1" / "metrics" / "values.json").write_text("{")
    assert pictures(tmp_path, checked) == {}


def test_addresses(tmp_path: Path) -> None:
    out = tmp_path / "work" / "out"
    base = tmp_path / "work"
    assert address_of("../results/a b(1).png", out, base, None) == "results/a%20b%281%29.png"
    assert address_of("../../x/a.png", out, base, None) == "../x/a.png"
    prefix = "https://host/o/r/raw/main/"
    assert address_of("../results/ü#.png", out, base, prefix) == (
        "https://host/o/r/raw/main/results/%C3%BC%23.png"
    )
    assert address_of("../../x/a.png", out, base, prefix) is None
    assert address_of("../javascript:x.png", out, base, None) == "javascript%3Ax.png"


@pytest.mark.parametrize(
    "prefix", ["javascript:x", "ftp://x/", "https://", "x", "http://[", "https://a/\n"]
)
def test_addresses_that_are_refused(prefix: str) -> None:
    with pytest.raises(InputError, match="--image-url"):
        check_prefix(prefix)
    assert check_prefix("https://host/a?b=c") == "https://host/a?b=c"
