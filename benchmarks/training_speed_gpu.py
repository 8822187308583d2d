"""Training on a GPU: our recorded updates against the plain eager loop, and the share of the peak.

    python benchmarks/training_speed_gpu.py --report reports/training-speed-gpu.md

The plain loop is that of the PyTorch code (``benchmarks/training_speed.py``), images already on the
GPU, PyTorch's own defaults: convolutions in tf32, timing trials on. All at 256×256, the paper's
networks, L1+cGAN. Peaks are measured in the same run: products of 8192×8192 matrices.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode
from training_speed import PlainLoop

from fcn.labels import label_set
from p2p_eval import __version__
from p2p_eval.datasets import scenes
from p2p_eval.datasets.paired import Pairs, find_pairs
from p2p_eval.training.config import Config, read_config
from p2p_eval.training.loop import train
from p2p_eval.training.networks import Networks
from p2p_eval.training.samples import batches

ROUNDS = 5
PAIRS = 24
SIDE = 8192
TRAINED = 1000
"""Updates of a whole run, from files to the generator."""

Step = Callable[[], object]


def rate(step: Step, seconds: float = 0.5) -> float:
    """Return calls a second, once it is warm."""
    torch.cuda.synchronize()
    start, calls = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        for _ in range(5):
            step()
        torch.cuda.synchronize()
        calls += 5
    return calls / (time.perf_counter() - start)


def peak(precision: str) -> float:
    """Return the FLOP/s of large products of matrices."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(SIDE, SIDE, device="cuda", dtype=kind) for _ in range(2))
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    try:
        for _ in range(3):
            a @ b
        return rate(lambda: a @ b, 0.5) * 2 * SIDE**3
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


def plain(config: Config, pairs: Pairs) -> Step:
    loop = PlainLoop(config, pairs)
    for network in (loop.g, loop.d):
        network.cuda()
    x, y = (image.cuda() for image in next(batches(pairs, config, 0, 1)))

    def step() -> None:
        loop.update(x, y)

    return step


def ours(config: Config, pairs: Pairs) -> Step:
    """Return what :func:`p2p_eval.training.loop.train` does, from images in the CPU's memory."""
    networks = Networks(config, "cuda")
    for network in networks.all():
        network.train()
    x, y = next(batches(pairs, config, 0, 1))
    return lambda: networks.update(x, y)


def operations(config: Config, pairs: Pairs) -> int:
    """Count the floating-point operations of one update."""
    networks = Networks(config, "cpu")
    x, y = next(batches(pairs, config, 0, 1))
    with FlopCounterMode(display=False) as counter:
        networks.update(x, y)
    return counter.get_total_flops()


def against_plain(config: Config, pairs: Pairs) -> list[tuple[str, float, float]]:
    """Measure updates a second in turns: the plain loop, then ours in each precision."""
    torch.backends.cudnn.benchmark = True
    steps: dict[str, Step] = {"plain": plain(config, pairs)}
    precisions = ("fp32", "tf32", "bf16")
    for precision in precisions:
        steps[precision] = ours(replace(config, precision=precision), pairs)
    rates: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(ROUNDS + 1):
        for name, step in steps.items():
            torch.backends.cudnn.allow_tf32 = name in ("plain", "tf32")
            if not number:
                for _ in range(10):
                    step()
            measured = rate(step)
            if number:
                rates[name].append(measured)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return [(name, value, value / medians["plain"]) for name, value in medians.items()]


def whole_run(config: Config, pairs: Pairs, workers: int) -> float:
    """Return updates a second of a run from image files to the generator."""
    with tempfile.TemporaryDirectory() as folder:
        config = replace(
            config, precision="tf32", steps=TRAINED, checkpoint_every=TRAINED, sample_every=0
        )
        times: list[tuple[int, float]] = []
        train(
            config,
            pairs,
            Path(folder) / "run",
            device="cuda",
            workers=workers,
            told=lambda step, *_: times.append((step, time.perf_counter())),
        )
    (first, began), (last, ended) = times[2], times[-2]  # without start and the last checkpoint
    return (last - first) / (ended - began)


def report(one: list[tuple[str, float, float]], whole: float, workers: int, many: str) -> str:
    rows = "\n".join(
        f"| {'plain eager loop, tf32' if name == 'plain' else f'ours, {name}'} "
        f"| {value:.0f} | {ratio:.2f} |"
        for name, value, ratio in one
    )
    return f"""# Training: speed on a GPU

The paper's networks (U-Net of 54.4 M weights, PatchGAN 70×70), L1+cGAN, 256×256, {gpu()}.

## Batches of one image

| | updates/s | times the plain loop |
|-|-:|-:|
{rows}

Medians of {ROUNDS} rounds in turns. The plain loop has its images on the GPU already; ours copies
them there from the CPU's memory at every update. Our update is one CUDA graph. A whole run of
{TRAINED} updates with tf32, reading, cutting and mirroring PNG files with {workers} threads, goes
at {whole:.0f} updates/s.

## Batches of 64

{many}

## How it was made

    python benchmarks/training_speed_gpu.py --report reports/training-speed-gpu.md

p2p-eval {__version__}, PyTorch {torch.__version__}.
"""


def gpu() -> str:
    return f"one {torch.cuda.get_device_name()}"


def batches_of(count: int, config: Config, pairs: Pairs) -> str:
    done = operations(config, pairs) * count
    lines = [
        "| | images/s | TFLOP/s | measured peak, TFLOP/s | share |",
        "|-|-:|-:|-:|-:|",
    ]
    for precision in ("tf32", "bf16"):
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        step = ours(replace(config, batch=count, precision=precision), pairs)
        for _ in range(6):
            step()
        updates, most = rate(step, 1), peak(precision)
        reached = updates * done
        lines.append(
            f"| ours, {precision} | {updates * count:.0f} | {reached / 1e12:.0f} "
            f"| {most / 1e12:.0f} | {reached / most:.0%} |"
        )
        del step
        torch.cuda.empty_cache()
    lines += ["", f"One update of one image is {done / count / 1e9:.0f} GFLOP."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path)
    parser.add_argument("--workers", type=int, default=4)
    arguments = parser.parse_args()
    config = read_config("paper", {"label_set": "scenes"})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenes.make(folder / "data", PAIRS)
        pairs = find_pairs(folder / "data", "labels2photo", label_set=label_set("scenes"))
        one = against_plain(config, pairs)
        print(one, flush=True)
        many = batches_of(64, config, pairs)
        print(many, flush=True)
        whole = whole_run(config, pairs, arguments.workers)
    text = report(one, whole, arguments.workers, many)
    print(text)
    if arguments.report:
        arguments.report.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
