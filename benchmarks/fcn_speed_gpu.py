"""FCN-score on a GPU: 500 frames of 1024×2048, decoding included, in each precision.

    python benchmarks/fcn_speed_gpu.py --report reports/fcn-speed-gpu.md

The network is full-size, and random unless ``--weights`` names a file. Frames are the kit's own
streets at 256×256, as a generator writes them, with label maps of 1024×2048. The peak is measured
in the same run: products of 8192×8192 matrices.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from fcn_onnx import random_network
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode
from training_speed_gpu import gpu, peak, rate

from fcn.labels import IGNORED, LabelSet, label_set
from fcn.network import FULL_WIDTHS
from fcn.weights import Weights, load_weights, save_weights
from p2p_eval import __version__
from p2p_eval.datasets import scenes
from p2p_eval.scoring.fcn_score import fcn_score
from p2p_eval.scoring.predictor import PRECISIONS, NetworkPredictor, Precision

FRAMES = 500
SCENES = 50
HEIGHT, WIDTH = 1024, 2048
COMPARED = 10
"""Frames whose predictions are compared, pixel by pixel."""


def make_frames(folder: Path, table: LabelSet) -> None:
    """Write photos and label maps: fifty streets, each turned round by ten different amounts."""
    scenes.make(folder / "scenes", SCENES)
    sources = sorted((folder / "scenes").rglob("photos/*.png"))
    ids = np.array([row.id for row in table.rows if row.train_id != IGNORED], np.uint8)
    for part in ("photos", "labels"):
        (folder / part).mkdir()

    def write(number: int) -> None:
        source = sources[number % len(sources)]
        shift = 23 * (number // len(sources))
        with Image.open(source) as photo:
            rolled = np.roll(np.asarray(photo.convert("RGB")), shift, 1)
        with Image.open(source.parent.parent / "labels" / source.name) as label:
            classes = np.roll(np.asarray(label), shift, 1)
        Image.fromarray(rolled).save(folder / "photos" / f"{number:03d}.png")
        large = Image.fromarray(ids[classes % len(ids)]).resize((WIDTH, HEIGHT), 0)
        large.save(folder / "labels" / f"{number:03d}.png")

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(FRAMES)))


def frames(folder: Path) -> list[np.ndarray]:
    found = []
    for path in sorted((folder / "photos").iterdir())[:COMPARED]:
        with Image.open(path) as photo:
            found.append(np.array(photo.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)))
    return found


def operations(weights: Weights) -> int:
    """Count the floating-point operations of one frame."""
    with torch.device("meta"):
        model = weights.build().to("meta")
        images = torch.empty(1, 3, HEIGHT, WIDTH)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(images)
    return counter.get_total_flops()


def measure(
    folder: Path, path: Path, table: LabelSet, precisions: Sequence[Precision]
) -> list[str]:
    weights = load_weights(path)
    done = operations(weights)
    lines = [
        "| precision | frames/s, network | TFLOP/s | measured peak | share "
        "| 500 frames from files to scores | same class as fp32 | class IOU |",
        "|-|-:|-:|-:|-:|-:|-:|-:|",
    ]
    seen = frames(folder)
    predictor = NetworkPredictor(load_weights(path), device="cuda")
    exact = [predictor(frame) for frame in seen]
    for precision in precisions:
        predictor = NetworkPredictor(load_weights(path), precision=precision, device="cuda")
        predictions = [predictor(frame) for frame in seen]
        agreed = np.mean([np.mean(a == b) for a, b in zip(exact, predictions, strict=True)])
        each = rate(lambda predictor=predictor: predictor(seen[0]), 2)
        most = peak(precision)
        start = time.perf_counter()
        result = fcn_score(
            folder / "photos", labels=folder / "labels", weights=path, label_set=table.name,
            device="cuda", precision=precision, out=folder / f"out-{precision}", draws=1000,
        )  # fmt: skip
        took = time.perf_counter() - start
        iou = result.to_json()["experiments"][0]["class_iou"]
        lines.append(
            f"| {precision} | {each:.1f} | {each * done / 1e12:.0f} | {most / 1e12:.0f} "
            f"| {each * done / most:.0%} | {took:.1f} s | {agreed:.4%} | {iou:.4f} |"
        )
        print(lines[-1], flush=True)
    lines += ["", f"One frame is {done / 1e12:.2f} TFLOP."]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--precision", choices=PRECISIONS, action="append")
    parser.add_argument("--report", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = arguments.weights
        if path is None:
            path = folder / "random.safetensors"
            network = random_network(FULL_WIDTHS)
            save_weights(network.state_dict(), path, {"label_set": "cityscapes"})
        table = label_set(load_weights(path).label_set or "cityscapes")
        make_frames(folder, table)
        rows = "\n".join(measure(folder, path, table, arguments.precision or PRECISIONS))
    text = f"""# FCN-score: speed on a GPU

Full-size FCN-8s, {FRAMES} frames of {HEIGHT}×{WIDTH}, {gpu()}.

{rows}

Network: one frame at a time, its pixels copied to the GPU and its classes back. From files to
scores: photos and label maps decoded, resized, predicted, counted, bootstrapped and written.
Same class: share of the pixels of {COMPARED} frames.

## How it was made

    python benchmarks/fcn_speed_gpu.py --report reports/fcn-speed-gpu.md

p2p-eval {__version__}, PyTorch {torch.__version__}.
"""
    print(text)
    if arguments.report:
        arguments.report.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
