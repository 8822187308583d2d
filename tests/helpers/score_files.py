"""Folders of score files as the commands that score write them, with figures from a seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fcn.labels import label_set
from p2p_eval.scores.confusion_file import FrameCounts, confusion_bytes
from p2p_eval.scores.values_file import (
    MetricFacts,
    MetricValues,
    SourceFile,
    ValueRow,
    read_metric_values,
)
from p2p_eval.scoring.segmentation_report import SegmentationReport, score_experiment

METRICS = {
    "psnr": ("higher", "dB", 14.0, 2.5),
    "ssim": ("higher", "", 0.4, 0.12),
    "gmsd": ("lower", "", 0.2, 0.03),
    "lpips[alex-v0.1]": ("lower", "", 0.4, 0.06),
    "spectrum[blur]": ("zero", "", -0.3, 0.2),
}
EDGES = {"L": (0.0, 100.0), "a": (-128.0, 128.0), "b": (-128.0, 128.0)}


def write_json(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def write_picture(path: Path, rng: np.random.Generator, size: tuple[int, int]) -> str:
    """Write soft noise and return the sha256 of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
    pixels.resize(size, Image.Resampling.BICUBIC).save(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_metrics(
    out: Path,
    name: str,
    images: Sequence[str],
    *,
    seed: int = 0,
    version: str = "0.1.0",
    size: tuple[int, int] = (64, 48),
    notes: Sequence[str] = (),
    left_out: Sequence[str] = (),
) -> None:
    """Write ``metrics/score.json`` and ``values.json``, and the images in ``../results``."""
    rng = np.random.default_rng(seed)
    values = {
        metric: rng.normal(mean, spread, len(images)).tolist()
        for metric, (_, _, mean, spread) in METRICS.items()
    }
    signature = {
        metric: f"{metric.split('[')[0]}|input:uint8|version:{version}" for metric in METRICS
    }
    if len(images) > 3:
        values["psnr"][3] = np.inf
    facts = {
        metric: MetricFacts(signature[metric], better, unit)
        for metric, (better, unit, _, _) in METRICS.items()
    }
    rows = []
    for number, image in enumerate(images):
        files = {}
        for role in ("input", "output", "target"):
            path = f"../results/{seed}/{number}_{role}.png"
            files[role] = SourceFile(path, None, write_picture(out / path, rng, size))
        measured = {metric: values[metric][number] for metric in METRICS}
        rows.append(ValueRow(image, "0" * 64, files, measured))
    folder = out / name / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "values.json").write_bytes(b"".join(MetricValues(name, facts, tuple(rows)).lines()))
    figures = {}
    for metric, (better, unit, _, _) in METRICS.items():
        known = np.array([v for v in values[metric] if np.isfinite(v)])
        half = 2 * known.std() / np.sqrt(len(known))
        figures[metric] = {
            "mean": float(known.mean()),
            "std": float(known.std()),
            "ci95": [float(known.mean() - half), float(known.mean() + half)],
            "better": better,
            "unit": unit,
            "infinite": len(images) - len(known),
            "signature": f"{signature[metric]}|seed:0",
        }
    figures["fid"] = {
        "mean": 87.5 + seed, "std": None, "ci95": None, "better": "lower", "unit": "",
        "infinite": 0, "signature": f"fid|weights:inception|version:{version}",
    }  # fmt: skip
    entry = {
        "name": name,
        "images": len(images),
        "metrics": figures,
        "left_out": list(left_out),
        "notes": list(notes),
    }
    reason = "its weights are not here; put vgg16-397923af.pth into the torch hub cache"
    unavailable = [{"metric": "lpips[vgg-v0.1]", "reason": reason}]
    document = {"schema": "p2p-eval/metrics/1", "experiments": [entry], "unavailable": unavailable}
    write_json(folder / "score.json", document)


def worsen(out: Path, name: str, metric: str, loss: float) -> None:
    """Let every image of an experiment lose so much, as another model of the same images would."""
    folder = out / name / "metrics"
    sign = -1 if METRICS[metric][0] == "higher" else 1
    values = read_metric_values(folder / "values.json")
    rows = tuple(
        replace(row, values={**row.values, metric: row.values[metric] + sign * loss})
        for row in values.rows
    )
    changed = replace(values, rows=rows)
    (folder / "values.json").write_bytes(b"".join(changed.lines()))
    document = json.loads((folder / "score.json").read_text())
    figure = document["experiments"][0]["metrics"][metric]
    known = [row.values[metric] for row in rows if np.isfinite(row.values[metric])]
    figure["mean"] = float(np.mean(known))
    figure["ci95"] = None
    write_json(folder / "score.json", document)


def write_segmentation(
    out: Path, name: str, kind: str, *, seed: int = 0, frames: int = 6, extra: int = 0
) -> None:
    """Write ``confusion.npz`` and ``score.json`` of both protocols, by the kit's own functions."""
    rng = np.random.default_rng(seed)
    names = label_set("cityscapes").names
    sizes = rng.integers(200, 4000, (1, len(names), 1))
    counts = rng.poisson(sizes * 0.02, (frames, len(names), len(names) + extra))
    diagonal = np.arange(len(names))
    counts[:, diagonal, diagonal] += rng.poisson(sizes[..., 0] * rng.random(len(names)))
    counts[1:, -1, len(names) :] = 0  # so that the paper's protocol drops one frame only
    counts = counts.astype(np.int64)
    images = tuple(f"frame{number}" for number in range(frames))
    signature = f"{kind}-score|protocol:{{}}|labels:files|version:0.1.0"
    report = SegmentationReport(
        tuple(
            score_experiment(
                name, images, counts, names, protocol, signature=signature.format(protocol),
                draws=20, seed=0,
            )
            for protocol in ("paper", "strict")
        ),
    )  # fmt: skip
    document = {**report.to_json(), "schema": f"p2p-eval/{kind}-score/1"}
    folder = out / name / f"{kind}_score"
    write_json(folder / "score.json", document)
    rows = FrameCounts(images, tuple("0" * frames), counts, tuple(names), f"{kind}-score")
    (folder / "confusion.npz").write_bytes(confusion_bytes(rows))


def write_color(out: Path, name: str, *, seed: int = 0, bins: int = 64, real: int = 99) -> None:
    """Write ``color_hist/score.json`` and ``histogram.csv``."""
    lines = ["channel,low,high,generated,real"]
    for channel, (low, high) in EDGES.items():
        edges = np.linspace(low, high, bins + 1)
        middle, spread = (low + high) / 2, (high - low) / 10
        counts = [
            np.histogram(np.random.default_rng(key).normal(middle, width, 100_000), edges)[0]
            for key, width in ((seed, spread * (0.7 + 0.1 * seed)), (real, spread))
        ]
        lines += [
            f"{channel},{edges[k]},{edges[k + 1]},{counts[0][k]},{counts[1][k]}"
            for k in range(bins)
        ]
    values = {"L": 0.8, "a": 0.7, "b": 0.75}
    entry = {
        "name": name,
        "images": 12,
        "intersection": values,
        "ci95": {channel: [value - 0.02, value + 0.02] for channel, value in values.items()},
        "better": "higher",
        "bins": bins,
        "sensitivity": {str(n): values for n in (32, 64, 128, 256)},
        "signature": f"color-hist|bins:{bins}|version:0.1.0",
        "left_out": [],
        "notes": [],
    }
    folder = out / name / "color_hist"
    write_json(folder / "score.json", {"schema": "p2p-eval/color-hist/1", "experiments": [entry]})
    (folder / "histogram.csv").write_text("\n".join(lines) + "\n")


def write_comparison(out: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Write ``metrics_comparison.json``."""
    entries = [
        {
            "a": a, "b": b, "metric": metric, "images": 12, "difference": sign * 0.01,
            "ci95": [sign * 0.01 - 0.008, sign * 0.01 + 0.008], "p": 0.02, "better": better,
            "unit": "", "winner": a if better == "higher" else None,
            "mean_a": mean, "mean_b": mean - sign * 0.01, "left_out_infinite": 0,
            "signature": f"{metric.split('[')[0]}|version:0.1.0",
        }
        for a, b in pairs
        for sign, (metric, (better, _, mean, _)) in zip((1, -1) * 9, METRICS.items(), strict=False)
    ]  # fmt: skip
    write_json(
        out / "metrics_comparison.json",
        {
            "schema": "p2p-eval/metrics-comparison/1",
            "comparisons": entries,
            "refused": [],
            "left_out": [],
        },
    )


def write_diversity(out: Path, samples: Sequence[str]) -> None:
    """Write ``metrics_diversity.json``."""
    document = {
        "schema": "p2p-eval/metrics-diversity/1", "metric": "lpips[alex-v0.1]",
        "samples": list(samples), "images": 12, "mean": 0.31, "std": 0.05, "ci95": [0.29, 0.33],
        "better": "higher", "unit": "", "infinite": 0, "signature": "diversity|version:0.1.0",
        "left_out": [], "notes": [],
    }  # fmt: skip
    write_json(out / "metrics_diversity.json", document)


def write_everything(out: Path, names: Sequence[str] = ("L1", "L1+cGAN"), images: int = 12) -> None:
    """Write experiments with every kind of score file, and a comparison of the first two."""
    for seed, name in enumerate(names):
        write_metrics(out, name, [f"image{number}" for number in range(images)], seed=seed)
        write_segmentation(out, name, "fcn", seed=seed, extra=1)
        write_segmentation(out, name, "seg", seed=seed)
        write_color(out, name, seed=seed)
    write_comparison(out, [(names[0], names[1])])
    write_diversity(out, names)
