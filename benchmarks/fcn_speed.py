"""FCN-8s against its peers: one frame on the CPU, each peer in a process of its own.

    python benchmarks/fcn_speed.py --rounds 3 --report reports/fcn-speed.md

Needs the extra ``bench``. Rounds are interleaved, so that a change in the machine's mood meets
everybody; each process loads the same weights, runs one frame to warm up and one that counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from fcn_onnx import random_network, write_onnx

from fcn.fast import FastFCN8s
from fcn.network import FULL_WIDTHS, layer_widths
from fcn.recipe import load_recipe
from fcn.weights import load_weights, save_weights

Frames = np.ndarray
Network = Callable[[Frames], Frames]
OURS = "p2p-eval"


@dataclass
class Run:
    """What one process measured."""

    version: str
    seconds: float
    peak_gb: float


def ours(folder: Path) -> tuple[str, Network]:
    fast = FastFCN8s(load_weights(folder / "weights.safetensors").build())
    return f"torch {torch.__version__}", lambda x: fast(torch.from_numpy(x)).numpy()


def pytorch(folder: Path, layout: torch.memory_format) -> tuple[str, Network]:
    model = load_weights(folder / "weights.safetensors").build().to(memory_format=layout)

    def run(x: Frames) -> Frames:
        with torch.inference_mode():
            scores: Frames = model(torch.from_numpy(x).contiguous(memory_format=layout)).numpy()
            return scores

    return f"torch {torch.__version__}", run


def onnx_runtime(folder: Path) -> tuple[str, Network]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = processors()
    session = onnxruntime.InferenceSession(
        str(folder / "network.onnx"), options, providers=["CPUExecutionProvider"]
    )
    return f"onnxruntime {onnxruntime.__version__}", lambda x: session.run(None, {"data": x})[0]


def openvino(folder: Path) -> tuple[str, Network]:
    import openvino

    # On processors with bfloat16 OpenVINO would use that, and give other scores.
    settings = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": processors(),
    }
    compiled = openvino.Core().compile_model(str(folder / "network.onnx"), "CPU", settings)
    version = openvino.__version__.split("-")[0]
    return f"openvino {version}", lambda x: compiled([x])[0]


def opencv(folder: Path) -> tuple[str, Network]:
    import cv2

    cv2.setNumThreads(processors())
    network = cv2.dnn.readNetFromONNX(str(folder / "network.onnx"))
    network.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)

    def run(x: Frames) -> Frames:
        network.setInput(x)
        return network.forward()

    return f"opencv {cv2.__version__}", run


PEERS: dict[str, Callable[[Path], tuple[str, Network]]] = {
    OURS: ours,
    "PyTorch NCHW": lambda folder: pytorch(folder, torch.contiguous_format),
    "PyTorch channels last": lambda folder: pytorch(folder, torch.channels_last),
    "ONNX Runtime": onnx_runtime,
    "OpenVINO": openvino,
    "OpenCV dnn": opencv,
}
REFERENCE = "PyTorch NCHW"


def processors() -> int:
    return len(os.sched_getaffinity(0))


def measure(name: str, folder: Path) -> None:
    """Run one peer, in the process that was started for it, and print what was measured."""
    torch.set_num_threads(processors())
    frame = np.load(folder / "frame.npy")
    version, network = PEERS[name](folder)
    network(frame)
    start = time.perf_counter()
    scores = network(frame)
    seconds = time.perf_counter() - start
    peak = peak_gb()
    np.save(folder / f"{name}.npy", scores)
    print(json.dumps(asdict(Run(version, seconds, peak))))


def peak_gb() -> float:
    """Return this program's peak memory; getrusage's would include who started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9


def in_own_process(name: str, folder: Path) -> Run:
    command = [sys.executable, __file__, "--peer", name, "--folder", str(folder)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Run(**json.loads(output.splitlines()[-1]))


def agreement(scores: Frames, reference: Frames) -> tuple[float, float]:
    """Share of pixels with the same class, and greatest difference by greatest score."""
    same = float((scores.argmax(1) == reference.argmax(1)).mean())
    return same, float(np.abs(scores - reference).max() / np.abs(reference).max())


def compare(rounds: int, height: int, width: int, folder: Path) -> list[str]:
    """Measure everybody, and return the table."""
    model = random_network(FULL_WIDTHS)
    save_weights(model.state_dict(), folder / "weights.safetensors", {})
    write_onnx(model, folder / "network.onnx", height, width)
    del model
    noise = np.random.default_rng(0).normal(0, 60, (1, 3, height, width))
    np.save(folder / "frame.npy", noise.astype(np.float32))
    runs: dict[str, list[Run]] = {name: [] for name in PEERS}
    for number in range(rounds):
        for name in PEERS:
            runs[name].append(in_own_process(name, folder))
            last = runs[name][-1]
            print(
                f"round {number + 1}: {name} {last.seconds:.2f} s, {last.peak_gb:.2f} GB",
                file=sys.stderr,
            )
    medians = {name: statistics.median(run.seconds for run in runs[name]) for name in PEERS}
    best = min(seconds for name, seconds in medians.items() if name != OURS)
    reference = np.load(folder / f"{REFERENCE}.npy")
    lines = [
        "| network | version | seconds a frame (each round) | by the best peer | peak memory "
        "| same class | greatest difference |",
        "|-|-|-|-|-|-|-|",
    ]
    for name in PEERS:
        same, difference = agreement(np.load(folder / f"{name}.npy"), reference)
        each = ", ".join(f"{run.seconds:.2f}" for run in runs[name])
        peak = max(run.peak_gb for run in runs[name])
        lines.append(
            f"| {name} | {runs[name][0].version} | {medians[name]:.2f} ({each}) "
            f"| {medians[name] / best:.2f} | {peak:.2f} GB "
            f"| {100 * same:.4f} % | {difference:.1e} |"
        )
    return lines


def slim(rounds: int) -> list[str]:
    """Measure the network that ships, on the embedded scenes' size, against plain PyTorch."""
    widths = layer_widths(load_recipe("scenes").widths)
    model = random_network(widths)
    x = 60 * torch.randn(1, 3, 256, 256)
    networks = {
        "plain PyTorch": model,
        "plain PyTorch, channels last": random_network(widths).to(
            memory_format=torch.channels_last
        ),
        OURS: FastFCN8s(model),
    }
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    with torch.inference_mode():
        for _ in range(10 * rounds):
            for name, network in networks.items():
                start = time.perf_counter()
                network(x)
                seconds[name].append(time.perf_counter() - start)
    lines = ["| network | frames a second |", "|-|-|"]
    for name, values in seconds.items():
        lines.append(f"| {name} | {1 / statistics.median(values):.1f} |")
    return lines


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            flags = line.split()
            simd = next((flag for flag in ("avx512f", "avx2") if flag in flags), "no AVX2")
            return f"{platform.machine()} ({simd})"
    return platform.machine()


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", default="1024x2048", help="height x width of the frame")
    parser.add_argument("--report", type=Path, help="Markdown file to write")
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        measure(options.peer, options.folder)
        return
    height, width = (int(length) for length in options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        table = compare(options.rounds, height, width, Path(folder))
    report = [
        "# FCN-8s on the CPU, side by side",
        "",
        f"Full width, random weights, one {height}×{width} frame, float32, "
        f"{processors()} cores, {processor()}. Every network runs in a process of its own, "
        f"{options.rounds} interleaved rounds, the second frame of each counts; the median is "
        f"shown. Classes and scores are compared with {REFERENCE}'s; the difference is given by "
        "its greatest score. Only ratios mean something on another machine.",
        "",
        *table,
        "",
        "The network of the embedded scenes (its recipe's widths), one 256×256 frame at a time:",
        "",
        *slim(options.rounds),
        "",
        f"Made by `python benchmarks/fcn_speed.py --rounds {options.rounds} "
        f"--size {options.size} --report reports/fcn-speed.md`.",
    ]
    text = "\n".join(report) + "\n"
    print(text)
    if options.report:
        options.report.write_text(text)


if __name__ == "__main__":
    main()
