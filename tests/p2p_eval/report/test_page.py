"""The page as text: whole, escaped, deterministic, and loading nothing."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from score_files import (
    write_color,
    write_diversity,
    write_everything,
    write_json,
    write_metrics,
    write_segmentation,
)

from fcn.errors import shown
from p2p_eval.errors import InputError
from p2p_eval.report.page import write_report

VOID = {"meta", "br", "img", "hr"}


class Page(HTMLParser):
    """Tags in balance, with attributes, ids and text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(path.read_text("utf-8"))
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_every_part_is_there(scored: Path) -> None:
    page = Page(write_report(scored).path)
    for words in (
        "Image metrics", "Paired comparisons", "Diversity", "FCN-score", "seg-score",
        "Colour histograms", "Confusion matrices", "Provenance",
        "the paper's Table 1", "the paper's Table 6",
        "the paper's Figure 7(d)", "psnr|input:uint8|version:0.1.0|seed:0",
        "fcn-score|protocol:strict|labels:files|version:0.1.0",
        "1 of 6 frames are dropped", "lpips[vgg-v0.1] was not measured", "Written by p2p-eval",
    ):  # fmt: skip
        assert words in page.text, words


def test_ids_are_unique_and_links_lead_somewhere(scored: Path) -> None:
    page = Page(write_report(scored).path)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {a["href"] for tag, a in page.tags if tag in ("a", "use")}
    assert links <= {f"#{identity}" for identity in ids}
    labels = {a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a}
    assert labels <= set(ids)


def test_nothing_is_loaded_and_nothing_runs(scored: Path) -> None:
    path = write_report(scored).path
    page = Page(path)
    assert not {"script", "link", "iframe", "object", "embed", "form"} & {t for t, _ in page.tags}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:image/jpeg;base64,"))
    text = path.read_text("utf-8")
    assert not re.search(r"https?://|//[a-z]|@import|url\(", re.sub(r"base64,[\w+/=]+", "", text))
    policy = next(a for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert (policy["content"] or "").startswith("default-src 'none'")


def test_pictures_and_tables_are_described(scored: Path) -> None:
    page = Page(write_report(scored).path)
    drawn = [a for tag, a in page.tags if tag == "svg"]
    assert drawn
    assert all(a.get("aria-label") or a.get("aria-hidden") == "true" for a in drawn)
    headers = [a for tag, a in page.tags if tag == "th"]
    assert headers
    assert all(a.get("scope") in ("row", "col") for a in headers)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_same_files_give_the_same_bytes(scored: Path, tmp_path: Path) -> None:
    first = write_report(scored).path.read_bytes()
    scored.rename(tmp_path / "moved")
    second = write_report(tmp_path / "moved", tmp_path / "page.html").path.read_bytes()
    assert first == second
    assert str(tmp_path).encode() not in first


HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</style><b>&amp;{{ 7 * 7 }}{% raw %}",
    "日本語 \N{RIGHT-TO-LEFT OVERRIDE}gnp.exe \N{LEFT-TO-RIGHT MARK}é",
    "x" * 5000,
    "tab\tnul\x00 bell\x07 \ud800",
    "no UTF-8 \udcff",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_names_and_texts_are_escaped(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    experiment = re.sub(r"[\x00/\ud800]", "_", name)[:60]
    note, left_out = f"warning: {name}", f"{name}: {name}"
    write_metrics(out, "plain", ["a", "b", "c"])
    write_segmentation(out, experiment, "fcn")
    write_color(out, experiment)
    path = out / "plain" / "metrics" / "score.json"
    document = json.loads(path.read_text())
    entry = document["experiments"][0]
    entry.update(notes=[note], left_out=[left_out])
    entry["metrics"][name] = {**entry["metrics"]["fid"], "signature": name, "unit": name}
    document["unavailable"] = [{"metric": name, "reason": name}]
    path.write_text(json.dumps(document))
    comparison = {
        "a": name, "b": name, "metric": name, "images": 1, "difference": None,
        "ci95": [None, None], "p": None, "better": "higher", "unit": "", "winner": name,
        "mean_a": None, "mean_b": None, "left_out_infinite": 0, "signature": name,
    }  # fmt: skip
    write_json(
        out / "metrics_comparison.json",
        {
            "schema": "p2p-eval/metrics-comparison/1",
            "comparisons": [comparison],
            "left_out": [],
            "refused": [],
        },
    )
    page = Page(write_report(out).path)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not any(attribute.startswith("on") for _, a in page.tags for attribute in a)
    assert " ".join(shown(name).split()) in page.text  # in the note, whole and as it was written
    assert not set(page.text) & set("\N{RIGHT-TO-LEFT OVERRIDE}\x00\x07")


def test_changed_and_missing_images_are_said(scored: Path) -> None:
    (scored / "../results/0/3_output.png").resolve().unlink()
    (scored / "../results/1/3_target.png").resolve().write_bytes(b"")
    result = write_report(scored)
    assert ("../results/0/3_output.png", "no longer there") in result.missing
    page = Page(result.path)
    assert "2 images cannot be shown" in page.text
    assert "../results/0/3_output.png : no longer there" in page.text


def test_left_out_images_are_said_first(tmp_path: Path) -> None:
    left_out = [f"image{number}: its file is truncated" for number in range(300)]
    write_metrics(tmp_path / "out", "a", ["x", "y"], left_out=left_out)
    text = Page(write_report(tmp_path / "out").path).text
    assert text.index("300 images left out") < text.index("means over images")
    assert "… and 100 more" in text


def test_mixed_signatures_are_said_first(tmp_path: Path) -> None:
    write_metrics(tmp_path / "out", "a", ["x", "y"], version="1")
    write_metrics(tmp_path / "out", "b", ["x", "y"], version="2")
    text = Page(write_report(tmp_path / "out").path).text
    assert text.index("Not all figures are comparable") < text.index("means over images")


@pytest.mark.parametrize("kind", ["metrics", "fcn", "seg", "color"])
def test_one_kind_of_score_is_enough(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    if kind == "metrics":
        write_metrics(out, "a", ["x"])
    elif kind == "color":
        write_color(out, "a")
    else:
        write_segmentation(out, "a", kind)
    ids = {a.get("id") for _, a in Page(write_report(out).path).tags}
    assert kind in ids
    assert len(ids & {"metrics", "fcn", "seg", "color"}) == 1


def test_a_diversity_alone_is_enough(tmp_path: Path) -> None:
    write_diversity(tmp_path / "out", ["sample1", "sample2"])
    text = Page(write_report(tmp_path / "out").path).text
    assert "Samples: sample1 , sample2" in text
    assert "0.3100 [0.2900, 0.3300] SD 0.0500 2 12" in text


def test_five_experiments_stay_small(tmp_path: Path) -> None:
    names = [f"run{number}" for number in range(5)]
    write_everything(tmp_path / "out", names, images=30)
    assert write_report(tmp_path / "out").path.stat().st_size < 3_000_000


def test_too_many_experiments_are_refused(tmp_path: Path) -> None:
    for number in range(101):
        write_metrics(tmp_path / "out", f"e{number}", ["x"], size=(2, 2))
    with pytest.raises(InputError, match="more than 100 experiments"):
        write_report(tmp_path / "out")
