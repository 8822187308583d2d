"""Image metrics against other packages: each metric in memory, and from files to a CSV.

    python benchmarks/metrics_speed.py --rounds 8 --report reports/metrics-speed.md

Needs the extra ``bench``. Everybody gets the same images; rounds are interleaved, so that a change
in the machine's mood meets all. ``--quick`` checks in a minute that everything runs.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path

import metrics_files
import numpy as np
import torch
from metrics_pairs import pairs, write_pairs
from metrics_peers import PEERS, Peer, gray
from metrics_timing import Candidate, Measure, interleave, processors, values
from metrics_weights import backbone_file, provide

from p2p_eval import __version__
from p2p_eval.metrics import gmsd, ms_ssim, psnr, ssim
from p2p_eval.metrics.color_difference import ciede2000
from p2p_eval.metrics.lpips import load_lpips

FAST, EXACT = "p2p-eval", "p2p-eval, float64"
GRAY = ("ssim", "ms-ssim", "gmsd")
QUICK = [metric for metric in PEERS if metric != "lpips[vgg]"]
IMAGES, FILE_ROUNDS = 32, 3
COMPARED = 4
"""Pairs on which values are compared."""


def ours(metric: str) -> dict[str, Measure]:
    """Return our own functions: the fast one, and the exact one where that is another."""
    if metric.startswith("lpips"):
        net = metric.removeprefix("lpips[").removesuffix("]")
        return {FAST: load_lpips(net, weights=backbone_file(net)).measure}
    if metric == "psnr":
        return {FAST: psnr}  # integers: exact as it is
    exact = {
        "ssim": ssim,
        "ssim[rgb]": partial(ssim, rgb=True, downsample=False),
        "ms-ssim": ms_ssim,
        "gmsd": gmsd,
        "ciede2000": ciede2000,
    }[metric]
    return {FAST: partial(exact, dtype=torch.float32), EXACT: exact}


class Comparison:
    """One metric by everybody.

    Args:
        metric: A key of :data:`PEERS`.
        x: Generated images, uint8 ``(N, 3, H, W)``.
        y: Real images.
    """

    def __init__(self, metric: str, x: torch.Tensor, y: torch.Tensor) -> None:
        self.metric, self.x, self.y = metric, x, y
        self.peers: dict[str, Peer] = {peer.package: peer for peer in PEERS[metric]}
        functions = {name: peer.make() for name, peer in self.peers.items()} | ours(metric)
        self.candidates = {name: Candidate(measure, x, y) for name, measure in functions.items()}

    def run(self, rounds: int) -> None:
        """Time everybody."""
        interleave(list(self.candidates.values()), rounds)

    @property
    def best(self) -> str:
        """The fastest package."""
        return min(self.peers, key=lambda name: self.candidates[name].seconds)

    def ratio(self, name: str) -> float:
        """How many times as fast as the fastest package."""
        return self.candidates[self.best].seconds / self.candidates[name].seconds

    def table(self) -> list[str]:
        """Return the rows of everybody, ours first."""
        x, y = self.x[:COMPARED], self.y[:COMPARED]
        results = {
            name: values(candidate.measure, candidate.way, x, y)
            for name, candidate in self.candidates.items()
        }
        exact = results[EXACT if EXACT in results else FAST]
        lines = [
            "| package | version | called with | pairs/s | by the fastest package | mean value "
            "| greatest difference | another definition |",
            "|-|-|-|-|-|-|-|-|",
        ]
        for name in sorted(self.candidates, key=self.ratio, reverse=True):
            peer, candidate = self.peers.get(name), self.candidates[name]
            lines.append(
                f"| {name} | {peer.version if peer else __version__} | {candidate.way} "
                f"| {1 / candidate.seconds:.{1 if candidate.seconds > 0.1 else 0}f} "
                f"| {self.ratio(name):.2f} | {results[name].mean():.6f} "
                f"| {(results[name] - exact).abs().max():.0e} | {peer.note if peer else ''} |"
            )
        return lines


def given_gray(comparison: Comparison, rounds: int) -> str:
    """Time the fastest package and ours once more, on gray that was made beforehand."""
    x, y = (gray(images).to(torch.uint8) for images in (comparison.x, comparison.y))
    theirs = min(
        (name for name in comparison.peers if name != "pyiqa"),  # which makes its own of three
        key=lambda name: comparison.candidates[name].seconds,
    )
    again = [Candidate(comparison.candidates[name].measure, x, y) for name in (theirs, FAST, EXACT)]
    interleave(again, rounds)
    least, fast, exact = (candidate.seconds for candidate in again)
    return (
        f"| {comparison.metric} | {theirs} {1 / least:.0f} | {1 / fast:.0f} | {1 / exact:.0f} "
        f"| {least / fast:.2f} | {least / exact:.2f} |"
    )


def end_to_end(programs: dict[str, metrics_files.Program], count: int) -> list[str]:
    """Return the table of the programs from files to a CSV."""
    lines = [
        "| program | pairs/s | by the best of packages | seconds | whole command, seconds "
        "| by the best of packages |",
        "|-|-|-|-|-|-|",
    ]
    inside = min(programs[name].inside for name in metrics_files.PACKAGES)
    whole = min(programs[name].whole for name in metrics_files.PACKAGES)
    for name, program in programs.items():
        lines.append(
            f"| {name} | {count / program.inside:.1f} | {inside / program.inside:.2f} "
            f"| {program.inside:.2f} | {program.whole:.2f} | {whole / program.whole:.2f} |"
        )
    return lines


def csv_difference(programs: dict[str, metrics_files.Program]) -> str:
    """Say how far the packages' values are from ours, on the same images."""
    tables = [
        np.array([row[1:] for row in programs[name].rows[1:]], float)
        for name in (metrics_files.NEW, metrics_files.PACKAGES[0])
    ]
    greatest = np.abs(tables[0] - tables[1]).max(axis=0)
    return ", ".join(
        f"{metric} {difference:.0e}"
        for metric, difference in zip(metrics_files.METRICS, greatest, strict=True)
    )


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            flags = line.split()
            simd = next((flag for flag in ("avx512f", "avx2") if flag in flags), "no AVX2")
            return f"{platform.machine()} ({simd})"
    return platform.machine()


def summary(comparisons: list[Comparison]) -> list[str]:
    """Return one row a metric."""
    lines = [
        "| metric | the fastest package: pairs/s | p2p-eval: pairs/s | by the fastest package "
        "| in float64 | by the fastest package |",
        "|-|-|-|-|-|-|",
    ]
    for comparison in comparisons:
        best = comparison.best
        rate = {name: 1 / found.seconds for name, found in comparison.candidates.items()}
        exact = f"{rate[EXACT]:.0f} | {comparison.ratio(EXACT):.2f}" if EXACT in rate else "– | –"
        lines.append(
            f"| {comparison.metric} | {best} {rate[best]:.1f} | {rate[FAST]:.1f} "
            f"| **{comparison.ratio(FAST):.2f}** | {exact} |"
        )
    return lines


def in_memory(
    metrics: list[str], rounds: int, x: torch.Tensor, y: torch.Tensor
) -> list[Comparison]:
    comparisons = []
    for metric in metrics:
        count = {"lpips[vgg]": 2, "lpips[alex]": 16, "lpips[squeeze]": 16}.get(metric, len(x))
        comparison = Comparison(metric, x[:count], y[:count])
        comparison.run(rounds)
        comparisons.append(comparison)
        print(f"{metric}: {comparison.ratio(FAST):.2f} by {comparison.best}", file=sys.stderr)
    return comparisons


def fastest_packages(comparisons: list[Comparison]) -> dict[str, str]:
    return {
        comparison.metric: comparison.best
        for comparison in comparisons
        if comparison.metric in metrics_files.METRICS
    }


def report(
    metrics: list[str], rounds: int, file_rounds: int, files: int, folder: Path
) -> list[str]:
    """Measure everything, and return the lines of the report."""
    kinds = provide(folder / "torch")
    x, y = (torch.from_numpy(stack) for stack in pairs(IMAGES))
    comparisons = in_memory(metrics, rounds, x, y)
    grays = [given_gray(one, rounds) for one in comparisons if one.metric in GRAY]
    write_pairs(folder / "pairs", files, generators=2)
    packages = fastest_packages(comparisons)
    programs = metrics_files.compare(folder / "pairs", backbone_file("alex"), packages, file_rounds)
    weights = ", ".join(f"{net} {kind}" for net, kind in kinds.items())
    chosen = ", ".join(f"{metric} {package}" for metric, package in packages.items())
    return [
        "# Image metrics, side by side",
        "",
        f"Pairs of 256×256 RGB images (rendered scenes), {processors()} cores, {processor()}, "
        f"torch {torch.__version__}. Everybody turns the same uint8 tensors into one value a pair, "
        "conversions included, in float32 but for what a row says, under inference_mode. Each is "
        "called in the fastest of five ways that were tried before (one pair, 8 or 32 pairs a call "
        f"with {processors()} threads of PyTorch; one pair or 8 a call from a pool of "
        f"{processors()} threads with one each), then in {rounds} interleaved rounds; the least "
        "time counts. Only ratios mean something on another machine; above 1 is faster.",
        "",
        *summary(comparisons),
        "",
        "`spectrum` is in none of the packages, so there is nothing to be compared with. PSNR of "
        "uint8 is computed in integers, LPIPS in float32; the others also in float64, which is "
        "what `p2p-eval metrics` does. Packages without MATLAB's rounded gray get it from the "
        "adapter, in torch and inside the time. When the gray is made beforehand, in nobody's "
        "time:",
        "",
        "| metric | the fastest package: pairs/s | p2p-eval | in float64 | ratio | in float64 |",
        "|-|-|-|-|-|-|",
        *grays,
        "",
        f"## From files to a CSV: {' + '.join(metrics_files.METRICS)}",
        "",
        f"{files} pairs of 256×256 PNGs in the system's cache of files, memory for more in hand, "
        f"each program in a process of its own, {file_rounds} interleaved rounds, the least time. "
        "Seconds count from the "
        "two folders to the CSV, after the imports (and after the packages have read LPIPS's "
        "weights, which ours does within the time); the whole command has Python's start and the "
        f"imports, too. The packages: {chosen}; PNGs decoded by torchvision; once "
        "with PyTorch's threads over batches and decoding ahead, once all of a pair in one thread. "
        "p2p-eval is `image_metrics`: hashed files, float64, journal, intervals and score files, "
        "first with an empty cache, which it fills, then for other generated images of the same "
        "real ones.",
        "",
        *end_to_end(programs, files),
        "",
        f"Greatest difference between the packages' values and ours: {csv_difference(programs)}.",
        "",
        "## Each metric",
        "",
        f"Values are of the first {COMPARED} pairs at most; differences are from p2p-eval's exact "
        f"ones. Backbones' weights: {weights}; the same for everybody.",
        "",
        *(line for one in comparisons for line in (f"### {one.metric}", "", *one.table(), "")),
    ]


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="two rounds, no VGG, few files")
    parser.add_argument("--report", type=Path, help="Markdown file to write")
    options = parser.parse_args()
    metrics, rounds, file_rounds, files = (
        (QUICK, 2, 1, 20) if options.quick else (list(PEERS), options.rounds, FILE_ROUNDS, 400)
    )
    os.environ["PYTHONWARNINGS"] = "ignore"  # the packages' own, here and in the processes
    warnings.simplefilter("ignore")
    torch.set_num_threads(processors())
    with tempfile.TemporaryDirectory() as folder:
        lines = report(metrics, rounds, file_rounds, files, Path(folder))
    arguments = "--quick" if options.quick else f"--rounds {rounds}"
    lines.append(f"Made by `python benchmarks/metrics_speed.py {arguments} --report FILE`.")
    text = "\n".join(lines) + "\n"
    print(text)
    if options.report:
        options.report.write_text(text)


if __name__ == "__main__":
    main()
