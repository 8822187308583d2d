"""The plot of Lab histograms: same bytes for same data, and all that it should show."""

from __future__ import annotations

import io
import math
import xml.etree.ElementTree as ET

import numpy as np
from PIL import Image

from p2p_eval.scoring.color_hist_plot import figure
from p2p_eval.scoring.color_hist_report import ExperimentColors, Lab, intersection


def experiment(name: str, seed: int, real: int = 0) -> ExperimentColors:
    rows = [np.random.default_rng(s).poisson(1, (3, 256)) for s in (seed, real)]
    counts = np.stack(rows).astype(np.int64)
    unknown = Lab(math.nan, math.nan, math.nan)
    figures = intersection(counts, 64)
    return ExperimentColors(name, 1, 64, figures, (unknown, unknown), {64: figures}, counts, "s")


def test_same_bytes_without_date_or_version() -> None:
    one, two = (figure([experiment("L1", 1)]) for _ in range(2))
    assert one == two
    assert b"matplotlib" not in one["png"]
    root = ET.fromstring(one["svg"])
    text = ET.tostring(root, "unicode")
    assert "date" not in text
    with Image.open(io.BytesIO(one["png"])) as image:
        assert image.size[0] > 1000
        assert not image.info.keys() & {"Software", "Creation Time"}


def test_many_experiments_and_other_real_images() -> None:
    entries = [experiment(f"run{i}", i, real=i % 2) for i in range(14)]
    files = figure(entries)
    assert {name[:4] for name in (files["png"][1:5].decode(), files["svg"][:5].decode())} == {
        "PNG\r", "<?xm",
    }  # fmt: skip


def test_styles_of_the_user_change_nothing() -> None:
    import matplotlib

    plain = figure([experiment("L1", 1)])
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert figure([experiment("L1", 1)]) == plain
