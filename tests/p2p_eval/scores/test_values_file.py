"""values.json comes back as it was written, and nothing that is wrong in it is believed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from p2p_eval.errors import StoreError
from p2p_eval.scores import values_file
from p2p_eval.scores.values_file import (
    MetricFacts,
    MetricValues,
    SourceFile,
    ValueRow,
    read_metric_values,
)

FILES = {
    "output": SourceFile("../results/ä b/0.png", "right", "0" * 64),
    "target": SourceFile("../real/0.png", None, "1" * 64),
}
VALUES = MetricValues(
    "L1+cGAN",
    {
        "psnr": MetricFacts("psnr|peak:255", "higher", "dB"),
        "spectrum[blur]": MetricFacts("spectrum|variant:blur", "zero", ""),
    },
    (
        ValueRow("0", "2" * 64, FILES, {"psnr": math.inf, "spectrum[blur]": 0.1 + 0.2}),
        ValueRow(
            "1", "3" * 64, {**FILES, "input": FILES["target"]},
            {"psnr": 1e-300, "spectrum[blur]": -2.5},
        ),
    ),
)  # fmt: skip


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    path.write_bytes(b"".join(VALUES.lines()))
    assert read_metric_values(path) == VALUES
    document = json.loads(path.read_bytes())
    assert document["schema"] == "p2p-eval/metrics-values/1"
    assert document["rows"][0]["values"] == {"psnr": "inf", "spectrum[blur]": 0.30000000000000004}
    assert document["rows"][0]["files"]["output"]["half"] == "right"


def test_no_rows(tmp_path: Path) -> None:
    empty = MetricValues("x", VALUES.metrics, ())
    path = tmp_path / "values.json"
    path.write_bytes(b"".join(empty.lines()))
    assert read_metric_values(path) == empty


def set_at(*place: Any) -> Callable[[Any], None]:
    *keys, last, value = place

    def change(document: Any) -> None:
        for key in keys:
            document = document[key]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_at("schema", "p2p-eval/metrics-values/2"), "expected p2p-eval/metrics-values/1"),
        (set_at("schema", None), "schema"),
        (set_at("experiment", "../.."), "experiment"),
        (set_at("experiment", 3), "experiment"),
        (set_at("metrics", []), "metrics"),
        (set_at("metrics", "psnr", "better", "up"), "better"),
        (set_at("metrics", "psnr", "signature", "x" * 5000), "signature"),
        (set_at("metrics", "psnr", None), "a metric"),
        (set_at("metrics", "=1+1", {"signature": "", "better": "zero", "unit": ""}), "name"),
        (set_at("metrics", "ssim", {"signature": "", "better": "zero", "unit": ""}), "each metric"),
        (set_at("rows", {}), "rows"),
        (set_at("rows", 0, []), "a row"),
        (set_at("rows", 0, "image", "=cmd()"), "image"),
        (set_at("rows", 0, "key", "0" * 63), "key"),
        (set_at("rows", 0, "values", {"psnr": 1.0}), "each metric"),
        (set_at("rows", 0, "values", "psnr", None), "numbers"),
        (set_at("rows", 0, "values", "psnr", True), "numbers"),
        (set_at("rows", 0, "values", "psnr", "nan"), "numbers"),
        (set_at("rows", 0, "values", "psnr", math.nan), "numbers"),
        (set_at("rows", 0, "values", "psnr", math.inf), "numbers"),
        (set_at("rows", 0, "values", "psnr", 10**400), "damaged"),
        (set_at("rows", 0, "files", "mask", {}), "files of"),
        (set_at("rows", 0, "files", {"output": {}}), "files of"),
        (set_at("rows", 0, "files", "output", "half", "top"), "half"),
        (set_at("rows", 0, "files", "output", "half", ["left"]), "half"),
        (set_at("rows", 0, "files", "output", "path", 7), "path"),
        (set_at("rows", 0, "files", "output", "sha256", "0" * 64 + "\n"), "sha256"),
    ],
)
def test_what_is_wrong_is_refused(
    tmp_path: Path, change: Callable[[Any], None], message: str
) -> None:
    document = json.loads(b"".join(VALUES.lines()))
    change(document)
    path = tmp_path / "values.json"
    path.write_text(json.dumps(document))
    with pytest.raises(StoreError, match=message) as caught:
        read_metric_values(path)
    assert "values.json: damaged" in str(caught.value)
    assert "--fresh" in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000],
    ids=lambda data: str(data[:6]),
)
def test_what_is_no_document_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "values.json"
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"values\.json: damaged"):
        read_metric_values(path)


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    data = b"".join(VALUES.lines())
    path = tmp_path / "values.json"
    for length in range(0, len(data) - 2, 7):
        path.write_bytes(data[:length])
        with pytest.raises(StoreError, match="damaged"):
            read_metric_values(path)


def test_size_is_bounded_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "values.json"
    path.write_bytes(b"".join(VALUES.lines()))
    monkeypatch.setattr(values_file, "MAX_BYTES", 100)
    with pytest.raises(StoreError, match="over 100 bytes"):
        read_metric_values(path)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        read_metric_values(tmp_path / "values.json")
