"""Measuring that is killed at any moment goes on, and ends in the bytes of an undisturbed run."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p2p_eval.errors import StoreError

# Measures two experiments by a stand-in that is slow and has features; given a number n, it kills
# itself just before the n-th time that it opens, makes, renames or removes something in the folder
# of scores or in the cache.
RUN = """
import os, signal, sys, time, torch
from p2p_eval.metrics.catalogue import METRICS
from p2p_eval.metrics.metric import Features, Metric
from p2p_eval.scoring.image_metrics import image_metrics

base, name, fatal, pace = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
count = 0

def watch(event, arguments):
    global count
    if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.truncate"):
        if str(arguments[0]).startswith((os.path.join(base, name), os.path.join(base, "cache"))):
            count += 1
            if count == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

def features(images):
    time.sleep(pace)
    return [(image.float().mean((1, 2)), image.float()) for image in images]

def distance(x, y):
    return sum((a - b).abs().mean() for a, b in zip(x, y))

def distances(images, others):
    return torch.stack([*map(distance, features(images), others)])

METRICS["slow"] = Metric(
    "slow", "lower", "", {}, lambda x, y: distances(x, features(y)),
    features=Features(features, distance, distances),
)
METRICS["quick"] = Metric("quick", "higher", "", {}, lambda x, y: (x > y).double().mean((1, 2, 3)))
sys.addaudithook(watch)
image_metrics(
    os.path.join(base, "results"), out=os.path.join(base, name), workers=2, draws=50,
    metrics=["slow", "quick"], device="cpu",
)
"""


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("P2P_EVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("P2P_EVAL_FEATURES_GIB", "1")
    rng = np.random.default_rng(0)
    for experiment in ("L1", "cGAN"):
        folder = tmp_path / "results" / experiment
        folder.mkdir(parents=True)
        for number in range(4):
            for role in ("fake_B", "real_B"):
                pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}_{role}.png")
    return tmp_path


def start(
    street: Path, name: str = "out", fatal: int = 0, pace: float = 0.03
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", RUN, str(street), name, str(fatal), str(pace)]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> int:
    _, message = process.communicate(timeout=60)
    assert process.returncode in (-signal.SIGKILL, 0), message
    return process.returncode


def files(street: Path, name: str = "out") -> dict[str, bytes]:
    folder = street / name
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".p2p-eval.lock"
    }


@pytest.mark.slow
def test_killed_before_any_file_operation(street: Path) -> None:
    """Moments drawn from all; what one kill leaves behind is there when the next one comes."""
    assert finish(start(street, "whole", pace=0)) == 0
    whole = files(street, "whole")
    assert len(whole) == 6
    for path in (street / "cache" / "features").iterdir():
        path.unlink()
    rng = random.Random(3)
    killed = 0
    for fatal in sorted(rng.sample(range(1, 60), 6)):
        killed += finish(start(street, fatal=fatal, pace=0)) != 0
    assert killed >= 4
    assert finish(start(street, pace=0)) == 0
    assert files(street) == whole


@pytest.mark.slow
def test_killed_at_random_moments(street: Path) -> None:
    assert finish(start(street, "whole")) == 0
    rng = random.Random(5)
    for _ in range(4):
        process = start(street, pace=0.3)
        time.sleep(rng.uniform(1.0, 4.0))
        process.kill()
        process.communicate(timeout=60)
    assert finish(start(street)) == 0
    assert files(street) == files(street, "whole")


def test_two_processes_do_not_interfere(street: Path) -> None:
    from p2p_eval.scoring.image_metrics import image_metrics

    process = start(street, pace=0.5)
    journal = street / "out" / "L1" / "metrics" / "journal.jsonl"
    deadline = time.monotonic() + 60
    while not journal.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    with pytest.raises(StoreError, match="another run"):
        image_metrics(street / "results", metrics=["psnr"], out=street / "out")
    assert finish(process) == 0
    assert len(files(street)) == 6
