"""From two folders of PNGs to a CSV of PSNR, SSIM, GMSD and LPIPS: one program a process."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metrics_pairs import GENERATED, REAL
from metrics_timing import processors

METRICS = ("psnr", "ssim", "gmsd", "lpips[alex]")
MEMORY = 2 << 30
NEW, SEEN = "p2p-eval", "p2p-eval, real images seen before"
PACKAGES = ("packages, batches of 16", "packages, a pair a thread")


@dataclass
class Program:
    """What was measured of one program: the least seconds of any round, and the values.

    Attributes:
        inside: From the folders to the CSV, after everything was imported.
        whole: The whole command: Python's start and the imports, too.
        rows: Of the CSV: image, and a value a metric.
    """

    inside: float = math.inf
    whole: float = math.inf
    rows: list[list[str]] = field(default_factory=list)


def compare(
    folder: Path, weights: Path, packages: dict[str, str], rounds: int
) -> dict[str, Program]:
    """Let every program run in each round, on the same pairs.

    Args:
        folder: What :func:`metrics_pairs.write_pairs` wrote, with two generators.
        weights: AlexNet's.
        packages: Which one is taken for each metric.
        rounds: The first has everything in the operating system's cache of files already.
    """
    programs = {name: Program() for name in (*PACKAGES, NEW, SEEN)}
    task = {"weights": str(weights), "packages": packages}
    for number in range(rounds):
        # A new folder a round: ext4 takes its time over new files where many were just removed.
        task["cache"] = str(folder / f"cache_{number}")
        for name, program in programs.items():
            # The second generator's images are new; their real images are those of the first.
            generated = folder / GENERATED.format(1 if name == SEEN else 0)
            in_own_process(name, {**task, "generated": str(generated)}, folder, program)
            print(f"{name}: {program.inside:.1f} s, {program.whole:.1f} s whole", file=sys.stderr)
    return programs


def fetch_memory(folder: Path) -> None:
    """Have the memory for files in hand, in nobody's time.

    A virtual machine may have to ask its host for it, which takes longer than to write the files.
    """
    path = folder / "memory"
    with path.open("wb") as file:
        for _ in range(MEMORY >> 20):
            file.write(bytes(1 << 20))
    path.unlink()


def in_own_process(name: str, task: dict[str, Any], folder: Path, program: Program) -> None:
    fetch_memory(folder)
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    task |= {"real": str(folder / REAL), "out": str(out)}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, name, json.dumps(task)],
        env={**os.environ, "P2P_EVAL_CACHE": task["cache"]},
        stdout=subprocess.PIPE,
        text=True,
    )
    program.whole = min(program.whole, time.perf_counter() - start)
    if done.returncode:
        raise SystemExit(f"{name} failed; what it said stands above")
    program.inside = min(program.inside, float(done.stdout.splitlines()[-1]))
    (file,) = out.rglob("per_image.csv")
    with file.open(newline="") as lines:
        program.rows = list(csv.reader(lines))


def run(name: str, task: dict[str, Any]) -> float:
    """Run a program in this process, and return the seconds after everything was imported.

    The packages' weights are read before that, too, as one cannot be had without the other; ours
    are read within the time.
    """
    import torch

    torch.set_num_threads(processors())
    generated, real, out = (Path(task[key]) for key in ("generated", "real", "out"))
    if name in PACKAGES:
        import metrics_packages

        measures = metrics_packages.load(task["packages"])
        way = metrics_packages.in_batches if "batches" in name else metrics_packages.pair_a_thread
        start = time.perf_counter()
        metrics_packages.write_csv(way, measures, generated, real, out / "per_image.csv")
        return time.perf_counter() - start
    import p2p_eval

    measure = p2p_eval.image_metrics
    start = time.perf_counter()
    measure(generated, real=real, metrics=METRICS, out=out, lpips_weights=task["weights"])
    return time.perf_counter() - start


if __name__ == "__main__":
    print(run(sys.argv[1], json.loads(sys.argv[2])))
