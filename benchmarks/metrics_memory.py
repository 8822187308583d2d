"""Peak memory of `p2p-eval metrics`: does it grow with the number of images?

    python benchmarks/metrics_memory.py

Few and many pairs of 64×64 pixels that all differ in their bytes: each PNG holds its own number in
a text chunk, so that nothing is recognised as seen before. Each run is a process of its own.
"""

from __future__ import annotations

import argparse
import io
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from PIL import Image

SIZE = 64
PATTERNS = 16
HEADER_END = 33
"""Where a PNG's first chunk ends."""


def png_files() -> list[bytes]:
    """Return some PNGs, cut from one scene."""
    from metrics_pairs import real_image  # not by the program that is measured

    scene = real_image(0)
    files = []
    for number in range(PATTERNS):
        top, left = (SIZE * place for place in divmod(number, 256 // SIZE))
        data = io.BytesIO()
        Image.fromarray(scene[top : top + SIZE, left : left + SIZE]).save(data, "PNG")
        files.append(data.getvalue())
    return files


def numbered(png: bytes, number: int) -> bytes:
    """Return the same picture in other bytes: with its number in a text chunk."""
    content = b"tEXtComment\0" + str(number).encode()
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return png[:HEADER_END] + chunk + png[HEADER_END:]


def write_pairs(folder: Path, count: int) -> None:
    files = png_files()
    for place, name in enumerate(("generated", "real")):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            data = numbered(files[(number + place) % PATTERNS], number)
            (folder / name / f"{number:05d}.png").write_bytes(data)


def run(folder: Path, metrics: str, weights: str) -> None:
    """Run the command in this process, and print its peak memory in MB."""
    from p2p_eval.cli import app

    os.chdir(folder)
    options = ["--metrics", metrics, "--real", "real", "--out", "out", "--quiet"]
    if "lpips" in metrics:
        options += ["--lpips-weights", weights]
    app(["metrics", "generated", *options], standalone_mode=False)
    # getrusage's figure would include who started it.
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6)


def peak(pairs: int, metrics: str, weights: str) -> float:
    """Return the peak memory of a run over so many pairs, in MB."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_pairs(folder, pairs)
        start = time.perf_counter()
        output = subprocess.run(
            [sys.executable, __file__, "--run", scratch, metrics, weights],
            check=True,
            env={**os.environ, "P2P_EVAL_CACHE": str(folder / "cache")},
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        seconds = time.perf_counter() - start
        used = float(output.splitlines()[-1])
    print(f"{metrics}: {pairs} pairs, {used:.0f} MB, {seconds:.0f} s", file=sys.stderr)
    return used


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--few", type=int, default=400)
    parser.add_argument("--many", type=int, default=20_000)
    parser.add_argument("--many-lpips", type=int, default=4_000)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(Path(options.run[0]), *options.run[1:])
        return
    from metrics_weights import backbone_file, provide

    with tempfile.TemporaryDirectory() as hub:
        provide(Path(hub))
        weights = str(backbone_file("alex"))
        print(
            "| metrics | pairs | peak, MB | pairs | peak, MB | ratio |", "|-|-|-|-|-|-|", sep="\n"
        )
        for metrics, many in (
            ("psnr,ssim,gmsd", options.many),
            ("psnr,ssim,gmsd,lpips", options.many_lpips),
        ):
            few_mb, many_mb = (peak(count, metrics, weights) for count in (options.few, many))
            print(
                f"| {metrics} | {options.few} | {few_mb:.0f} | {many} | {many_mb:.0f} "
                f"| {many_mb / few_mb:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
