"""The figures of values, and what is not known in documents and rows."""

from __future__ import annotations

import csv
import io
import json
import math

from p2p_eval.scores.signature import Signature
from p2p_eval.scores.values_file import MetricFacts, MetricValues, SourceFile, ValueRow
from p2p_eval.scoring.metric_choice import Unavailable
from p2p_eval.scoring.metrics_report import (
    ExperimentMetrics,
    ImageMetricsReport,
    per_image_csv,
    summarise,
)

FILE = SourceFile("a.png", None, "0" * 64)
FACTS = {
    "psnr": MetricFacts("psnr|peak:255", "higher", "dB"),
    "ssim[rgb]": MetricFacts("ssim|variant:rgb", "higher", ""),
}


def values(*rows: tuple[float, float]) -> MetricValues:
    return MetricValues(
        "L1",
        FACTS,
        tuple(
            ValueRow(
                str(number), f"{number:064x}", {"output": FILE, "target": FILE},
                dict(zip(FACTS, row, strict=True)),
            )
            for number, row in enumerate(rows)
        ),
    )  # fmt: skip


def figures(*rows: tuple[float, float]) -> ExperimentMetrics:
    signatures = {name: Signature.parse(facts.signature) for name, facts in FACTS.items()}
    scores = summarise(values(*rows), signatures, draws=100, seed=0)
    return ExperimentMetrics("L1", len(rows), scores, ("9: damaged",), ("warning: JPEGs",))


def test_infinite_values_are_counted_and_in_no_figure() -> None:
    document = figures((20.0, 0.5), (math.inf, 1.0), (22.0, 0.75)).to_json()
    psnr, ssim = document["metrics"].values()
    assert (psnr["mean"], psnr["infinite"], ssim["mean"], ssim["infinite"]) == (21.0, 1, 0.75, 0)
    assert psnr["std"] == math.sqrt(2)
    assert 20 <= psnr["ci95"][0] <= 21 <= psnr["ci95"][1] <= 22
    assert (psnr["signature"], psnr["unit"], psnr["better"]) == ("psnr|peak:255", "dB", "higher")


def test_what_is_not_known_is_null() -> None:
    document = figures((math.inf, 0.5)).to_json()
    psnr, ssim = document["metrics"].values()
    assert (psnr["mean"], psnr["std"], psnr["ci95"]) == (None, None, [None, None])
    assert (ssim["mean"], ssim["std"], ssim["ci95"]) == (0.5, None, [None, None])
    json.dumps(document, allow_nan=False)


def test_rows_have_full_precision() -> None:
    text = b"".join(per_image_csv(values((0.1 + 0.2, 1 / 3), (math.inf, 1e-300)))).decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["image", "psnr", "ssim[rgb]"]
    assert rows[1] == ["0", "0.30000000000000004", "0.3333333333333333"]
    assert rows[2] == ["1", "inf", "1e-300"]


def test_notes_and_what_was_left_out_name_the_experiment() -> None:
    report = ImageMetricsReport((figures((1.0, 1.0)),), (Unavailable("fid", "no weights"),))
    assert report.left_out == ["L1/9: damaged"]
    assert report.notes == ["L1: warning: JPEGs"]
    assert report.warnings == report.notes
    assert report.to_json()["unavailable"] == [{"metric": "fid", "reason": "no weights"}]
