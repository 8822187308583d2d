"""Mutates caffemodels and loads them: each must load or end in WeightsError, quickly and small.

    python tests/fuzz_caffemodel.py --count 20000 --seed 0

Prints what became of them and exits with 1 if a case raised anything else, took over
``CASE_SECONDS`` or raised the process's peak memory by over ``MEMORY_BYTES``. A case depends on the
seed and its number only, so that ``--only NUMBER`` repeats it.
"""

from __future__ import annotations

import argparse
import collections
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).parent / "helpers"))

import caffemodel_writer as writer
import numpy as np
from caffemodel_writer import Form

from fcn.caffemodel import read_caffemodel
from fcn.errors import WeightsError
from fcn.network import FULL_WIDTHS
from fcn.weights import load_weights

CASE_SECONDS = 5.0
MEMORY_BYTES = 1 << 30
FORMS = [
    Form(), Form(v1=True, legacy=True), Form(packed=False), Form(double=True, chunks=3),
    Form(packed_dims=False, data_first=True), Form(v1=True, packed=False, double=True),
]  # fmt: skip
VARINTS = [
    0, 1, 2, 5, 7, 127, 128, 255, 2**14, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**62,
    2**63 - 1, 2**63, 2**64 - 1,
]  # fmt: skip
TAGS = [number << 3 | wire for number in (1, 2, 4, 5, 6, 7, 8, 100) for wire in range(8)]


class Hang(BaseException):
    """A case took too long."""


def seeds() -> list[tuple[bytes, list[int]]]:
    """Return files to mutate, each with the positions of its structure (not of its numbers)."""
    slim = dict(writer.random_layers(dict.fromkeys(FULL_WIDTHS, 1), outputs=2))
    tiny = {name: [np.ones((2, 1), np.float32)] * 2 for name in ("conv1_1", "b", "c")}
    files = []
    for form in FORMS:
        for layers in (slim, tiny):
            data = writer.net(layers, form)
            names = [data.find(name.encode()) for name in layers]
            near = [p for at in names for p in range(at - 8, at + 48) if 0 <= p < len(data)]
            files.append((data, near))
    return files


def mutate(files: list[tuple[bytes, list[int]]], rng: random.Random) -> bytes:
    """Return one of the files with one to four changes."""
    original, near = rng.choice(files)
    data = bytearray(original)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        at = rng.choice(near) if rng.random() < 0.5 else rng.randrange(len(data) + 1)
        at = min(at, len(data))
        end = min(len(data), at + rng.choice([1, 1, 2, 4, 16, 200]))
        match rng.randrange(9):
            case 0:
                for index in range(at, min(at + 1, len(data))):
                    data[index] ^= 1 << rng.randrange(8)
            case 1:
                del data[at:]
            case 2:
                del data[at:end]
            case 3:
                data[at:at] = data[at:end] * rng.choice([1, 2, 100])
            case 4:
                other = rng.choice(files)[0]
                start = rng.randrange(len(other))
                data[at:end] = other[start : start + rng.choice([3, 30, 3000])]
            case 5:
                data[at : at + 1] = writer.varint(rng.choice(VARINTS))
            case 6:
                data[at : at + 2] = writer.varint(max(0, len(data) - at + rng.randint(-9, 9)))
            case 7:
                data[at:at] = writer.varint(rng.choice(TAGS)) + writer.varint(rng.choice(VARINTS))
            case _:
                data[at:end] = rng.randbytes(end - at)
        if not data:
            return b"\n"
    return bytes(data)


def peak_bytes() -> int:
    """Return the process's peak resident memory so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def alarm(signum: int, frame: FrameType | None) -> None:
    raise Hang


def outcome(path: Path) -> str:
    """Load a file both ways and say how it ended."""
    try:
        read_caffemodel(path)
        readable = True
    except WeightsError as error:
        readable = False
        str(error).encode()
    try:
        load_weights(path).build()
    except WeightsError as error:
        str(error).encode()
        return "readable, not FCN-8s" if readable else "refused"
    return "loaded"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="repeat one case, and keep its file")
    options = parser.parse_args()

    files = seeds()
    signal.signal(signal.SIGALRM, alarm)
    ends: collections.Counter[str] = collections.Counter()
    failures, slowest = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.caffemodel"
        path.write_bytes(files[0][0])
        load_weights(path).build()  # so that what is loaded once does not count
        baseline = highest = peak_bytes()
        cases = range(options.count) if options.only is None else [options.only]
        for case in cases:
            path.write_bytes(mutate(files, random.Random(f"{options.seed}/{case}")))
            if options.only is not None:
                Path(f"case-{case}.caffemodel").write_bytes(path.read_bytes())
            started = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)
            try:
                ends[outcome(path)] += 1
            except Hang:
                failures.append(f"case {case}: over {CASE_SECONDS} s")
            except Exception:
                failures.append(f"case {case}: {traceback.format_exc()}")
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            slowest = max(slowest, time.monotonic() - started)
            if peak_bytes() - highest > MEMORY_BYTES:
                failures.append(f"case {case}: memory rose by {peak_bytes() - highest} bytes")
            highest = peak_bytes()
    for failure in failures[:20]:
        print(failure)
    print(
        f"seed {options.seed}: {sum(ends.values())} cases, {dict(ends.most_common())}, "
        f"{len(failures)} failures; slowest {slowest:.2f} s, "
        f"peak memory +{(highest - baseline) / 1e6:.0f} MB"
    )
    return 1 if failures or highest - baseline > MEMORY_BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
