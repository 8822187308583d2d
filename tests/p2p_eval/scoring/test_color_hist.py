"""color-hist over folders: figures, files, resuming, faults, and memory."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

import p2p_eval
from p2p_eval.errors import InputError
from p2p_eval.metrics.color_histogram import RANGES
from p2p_eval.scores.signature import Signature
from p2p_eval.scoring import color_hist, loaded
from p2p_eval.scoring.color_hist import color_histogram
from p2p_eval.scoring.color_hist_report import ColorHistReport

Paint = Callable[..., Path]


def pixels(seed: int, size: tuple[int, int], shift: int = 0) -> np.ndarray:
    """Colours around one of the seed's own."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(rng.uniform(60, 200, 3), 25, (*size, 3)) + np.array([shift, 0, -shift])
    return np.clip(noise, 0, 255).astype(np.uint8)


def paint(folder: Path, count: int = 6, shift: int = 20, suffix: str = "png") -> Path:
    """Write an experiment of the layout ``torch``: its real images are smaller than the others."""
    for role, size, moved in (("output", (12, 10), shift), ("target", (8, 9), 0)):
        (folder / role).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            image = Image.fromarray(pixels(number, size, moved))
            image.save(folder / role / f"{number}.{suffix if role == 'output' else 'png'}")
    return folder


def files(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != ".p2p-eval.lock"
    }


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return paint(tmp_path / "L1")


@pytest.fixture
def count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ColorHistReport]:
    """Count into ``out``; the plot, which takes long, has tests of its own."""
    monkeypatch.setattr(color_hist, "figure", lambda _: {"svg": b"<svg/>", "png": b"png"})

    def run(results: Path, **options: Any) -> ColorHistReport:
        return color_histogram(
            results, **{"out": tmp_path / "out", "workers": 2, "draws": 50, **options}
        )

    return run


def expected(folder: Path, bins: int) -> list[float]:
    """The figures by scikit-image and numpy."""
    figures = []
    labs = [
        np.concatenate(
            [
                rgb2lab(np.array(Image.open(path))).reshape(-1, 3)
                for path in (folder / role).iterdir()
            ]
        )
        for role in ("output", "target")
    ]
    for channel, span in enumerate(RANGES):
        p, q = (np.histogram(lab[:, channel], bins, span)[0] / len(lab) for lab in labs)
        figures.append(np.minimum(p, q).sum())
    return figures


def test_figures_equal_numpy_and_scikit_image(results: Path, count: Callable[..., Any]) -> None:
    (entry,) = count(results, bins=64).experiments
    assert entry.images == 6
    assert entry.intersection == pytest.approx(expected(results, 64), abs=1e-12)
    assert entry.sensitivity[64] == entry.intersection
    for bins, figures in entry.sensitivity.items():
        assert figures == pytest.approx(expected(results, bins), abs=1e-12)
    low, high = entry.ci95
    assert all(a < b for a, b in zip(low, high, strict=True))
    assert all(0 <= end <= 1 for end in (*low, *high))
    settings = Signature.parse(entry.signature).settings
    assert settings["bins"] == "64"
    assert settings["ranges"] == "L=0..100,a=-128..128,b=-128..128"
    assert any("sizes differ" in note for note in entry.notes)


def test_files_hold_what_was_counted(
    results: Path, count: Callable[..., Any], tmp_path: Path
) -> None:
    report = count(results, bins=32)
    written = files(tmp_path / "out")
    assert set(written) == {
        "L1/color_hist/histograms.bin", "L1/color_hist/histogram.csv", "L1/color_hist/score.json",
        "color_hist.svg", "color_hist.png",
    }  # fmt: skip
    assert json.loads(written["L1/color_hist/score.json"]) == json.loads(
        json.dumps(report.to_json())
    )
    rows = list(csv.DictReader(written["L1/color_hist/histogram.csv"].decode().splitlines()))
    assert len(rows) == 3 * 32
    for channel in "Lab":
        mine = [row for row in rows if row["channel"] == channel]
        assert sum(int(row["generated"]) for row in mine) == 6 * 120
        assert sum(int(row["real"]) for row in mine) == 6 * 72
        assert [row["high"] for row in mine[:-1]] == [row["low"] for row in mine[1:]]
    assert (rows[32]["low"], rows[32]["high"]) == ("-128.0", "-120.0")


def test_document(results: Path, count: Callable[..., Any]) -> None:
    document = count(results).to_json()
    assert document["schema"] == "p2p-eval/color-hist/1"
    (entry,) = document["experiments"]
    assert entry["bins"] == 128
    assert set(entry["intersection"]) == set(entry["ci95"]) == {"L", "a", "b"}
    assert set(entry["sensitivity"]) == {"32", "64", "128", "256"}


def test_real_images_against_themselves_are_one(
    results: Path, count: Callable[..., Any], tmp_path: Path
) -> None:
    report = count(results / "target", real=results / "target", out=tmp_path / "same")
    (entry,) = report.experiments
    assert entry.intersection == pytest.approx((1, 1, 1), abs=1e-12)
    assert any("very files" in note for note in report.notes)


def test_several_experiments_are_drawn_together(tmp_path: Path, count: Callable[..., Any]) -> None:
    for shift in (10, 40):
        paint(tmp_path / "all" / f"shift{shift}", shift=shift)
    near, far = count(tmp_path / "all").experiments
    assert near.intersection.a > far.intersection.a
    assert near.intersection.b > far.intersection.b


def test_nothing_depends_on_workers_or_the_run(
    results: Path, count: Callable[..., Any], tmp_path: Path
) -> None:
    count(results)
    first = files(tmp_path / "out")
    count(results)
    assert files(tmp_path / "out") == first
    count(results, fresh=True, workers=1)
    assert files(tmp_path / "out") == first


def test_an_interrupted_run_goes_on_to_the_same_bytes(
    results: Path, count: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(results, out=tmp_path / "whole")

    def interrupt(done: int, total: int) -> None:
        assert total == 6
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count(results, progress=interrupt)
    assert set(files(tmp_path / "out")) == {"L1/color_hist/histograms.bin"}
    decoded = watch(monkeypatch)
    count(results)
    assert len(decoded) == 2 * 2
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def watch(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the name of each image that is decoded."""
    decoded: list[str] = []
    real = loaded.decode_rgb

    def noting(image: Any, data: bytes) -> Any:
        decoded.append(f"{image.path.parent.name}/{image.path.name}")
        return real(image, data)

    monkeypatch.setattr(loaded, "decode_rgb", noting)
    return decoded


def test_content_decides_what_is_counted_again(
    results: Path, count: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(results)
    decoded = watch(monkeypatch)
    (results / "output" / "2.png").write_bytes((results / "target" / "3.png").read_bytes())
    (results / "output" / "4.png").unlink()
    (results / "target" / "4.png").unlink()
    (entry,) = count(results).experiments
    assert sorted(decoded) == ["output/2.png", "target/2.png"]
    assert entry.intersection == pytest.approx(expected(results, 128), abs=1e-12)
    count(results, out=tmp_path / "anew")
    assert files(tmp_path / "out") == files(tmp_path / "anew")


def test_equal_pairs_are_counted_each(results: Path, count: Callable[..., Any]) -> None:
    for role in ("output", "target"):
        (results / role / "9.png").write_bytes((results / role / "0.png").read_bytes())
    for _ in range(2):
        (entry,) = count(results).experiments
        assert entry.images == 7
        assert entry.intersection == pytest.approx(expected(results, 128), abs=1e-12)


def test_unreadable_image_is_named_and_what_was_counted_is_kept(
    results: Path, count: Callable[..., Any], tmp_path: Path
) -> None:
    (results / "output" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\nno image")
    with pytest.raises(InputError, match=r"3\.png.*--keep-going"):
        count(results)
    assert set(files(tmp_path / "out")) == {"L1/color_hist/histograms.bin"}
    report = count(results, keep_going=True)
    assert report.experiments[0].images == 5
    (left_out,) = report.left_out
    assert left_out.startswith("L1/3: ")
    for path in (results / "output").iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputError, match="none of the 6 pairs can be used"):
        count(results, keep_going=True)


def test_images_without_partner_are_refused_or_named(
    results: Path, count: Callable[..., Any]
) -> None:
    (results / "target" / "5.png").unlink()
    with pytest.raises(InputError, match="without a real one"):
        count(results)
    assert count(results, keep_going=True).left_out == ["L1/5: it has no real image"]


def test_jpegs_are_in_the_signature_and_warned_of(
    tmp_path: Path, count: Callable[..., Any]
) -> None:
    report = count(paint(tmp_path / "jpegs", suffix="jpg"))
    assert "|jpeg:yes|" in report.experiments[0].signature
    assert "JPEGs" in report.warnings[0]


def test_one_image_has_no_interval(tmp_path: Path, count: Callable[..., Any]) -> None:
    report = count(paint(tmp_path / "one", count=1))
    assert all(math.isnan(end) for ends in report.experiments[0].ci95 for end in ends)
    assert report.to_json()["experiments"][0]["ci95"]["L"] == [None, None]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bins": 100}, "got bins 100, expected one of 32, 64, 128, 256"),
        ({"workers": 0}, "got workers 0"),
        ({"seed": -1}, "got seed -1"),
        ({"draws": 0}, "got draws 0"),
    ],
)
def test_refuses_options(
    results: Path, count: Callable[..., Any], options: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        count(results, **options)


def test_package_exports_it() -> None:
    assert p2p_eval.color_histogram is color_histogram


PEAK = """
import resource, sys
from p2p_eval import color_histogram
report = color_histogram(sys.argv[1], out=sys.argv[2], workers=2, draws=100)
print(report.experiments[0].images, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path) -> None:
    """40 times as many pairs: their rows alone would be 24 MB more."""
    peaks = []
    for total in (50, 2000):
        folder = tmp_path / str(total)
        for role in ("output", "target"):
            (folder / role).mkdir(parents=True)
            for number in range(total):
                digest = hashlib.sha256(f"{role} {number}".encode()).digest()
                image = Image.frombytes("RGB", (4, 2), digest[:24])
                image.save(folder / role / f"{number}.png", compress_level=0)
        result = subprocess.run(
            [sys.executable, "-c", PEAK, folder, tmp_path / f"out{total}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        images, peak = map(int, result.stdout.split())
        assert images == total
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 12 * 1024
