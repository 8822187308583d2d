"""A run that is killed at any moment goes on, and ends in the bytes of an uninterrupted run."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from p2p_eval.errors import InputError, StoreError
from p2p_eval.scoring.fcn_score import fcn_score

Make = Callable[..., Any]

# Scores the street with a predictor as conftest's, slowly; given a number n, it kills itself just
# before the n-th time that it opens, makes, renames or removes something in the out folder.
RUN = """
import os, signal, sys, time
import numpy as np
from p2p_eval.scoring.fcn_score import fcn_score

base, fatal, pace = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
out = os.path.join(base, "out")
count = 0

def watch(event, arguments):
    global count
    if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.truncate"):
        if str(arguments[0]).startswith(out):
            count += 1
            if count == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

class Slow:
    outputs, identity, settings = 20, "stand-in", {"weights": "standin", "device": "cpu"}

    def __call__(self, image):
        time.sleep(pace)
        total = image.astype(np.uint16).sum(2)
        return np.where(total % 150 == 7, 19, total // 9 % 19).astype(np.uint8)

sys.addaudithook(watch)
fcn_score(
    os.path.join(base, "results"), labels=os.path.join(base, "labels"), out=out,
    predictor=Slow(), workers=2, draws=50, protocol="both", save_predictions=True,
)
"""


def start(street: Any, fatal: int = 0, pace: float = 0.03) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", RUN, str(street.out.parent), str(fatal), str(pace)]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def expected(street: Any, standin: Make) -> dict[str, bytes]:
    street.score(standin(), protocol="both", save_predictions=True, out=street.out / "whole")
    folder = street.out / "whole/results/fcn_score"
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def finish(street: Any, standin: Make) -> dict[str, bytes]:
    street.score(standin(), protocol="both", save_predictions=True)
    files: dict[str, bytes] = street.files()
    return files


def test_killed_before_any_file_operation(street: Any, standin: Make) -> None:
    """Moments drawn from all; what one kill leaves behind is there when the next one comes."""
    whole = expected(street, standin)
    rng = random.Random(7)
    killed = 0
    for fatal in sorted(rng.sample(range(1, 70), 9)):
        process = start(street, fatal)
        _, message = process.communicate(timeout=60)
        assert process.returncode in (-signal.SIGKILL, 0), message
        killed += process.returncode != 0
    assert killed >= 5
    assert finish(street, standin) == whole


def test_killed_at_random_moments(street: Any, standin: Make) -> None:
    whole = expected(street, standin)
    rng = random.Random(11)
    for _ in range(5):
        process = start(street)
        time.sleep(rng.uniform(0.3, 0.9))
        process.kill()
        process.communicate(timeout=60)
    assert finish(street, standin) == whole


def interrupt_after(predictor: Any, calls: int) -> Any:
    function = predictor.function

    def predict(image: Any) -> Any:
        if predictor.calls > calls:
            raise KeyboardInterrupt
        return function(image)

    predictor.function = predict
    return predictor


def test_interrupted_run_reuses_what_was_scored(street: Any, standin: Make) -> None:
    whole = expected(street, standin)
    with pytest.raises(KeyboardInterrupt):
        street.score(interrupt_after(standin(), 3), protocol="both", save_predictions=True)
    assert set(street.files()) == {
        "journal.jsonl", *(f"predictions/frame{i}.png" for i in range(3)),
    }  # fmt: skip
    again = standin()
    street.score(again, protocol="both", save_predictions=True)
    assert again.calls == 2
    assert street.files() == whole


def test_torn_journal(street: Any, standin: Make) -> None:
    with pytest.raises(KeyboardInterrupt):
        street.score(interrupt_after(standin(), 3))
    journal = street.out / "results/fcn_score/journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-50])
    again = standin()
    street.score(again)
    assert again.calls == 3
    assert "journal.jsonl" not in street.files()


def run(street: Any, predictor: Any, **options: Any) -> int:
    """Score, and say how many frames went through the network."""
    street.score(predictor, **options)
    calls: int = predictor.calls
    return calls


def test_known_counts_are_reused_by_content(street: Any, standin: Make) -> None:
    assert run(street, standin()) == 5
    first = street.files()
    assert run(street, standin()) == 0
    assert street.files() == first
    assert run(street, standin(), seed=9, protocol="strict") == 0  # derived from the same counts
    image = street.results / "frame1.png"
    pixels = np.array(Image.open(image))
    Image.fromarray(255 - pixels).save(image)
    assert run(street, standin()) == 1
    assert street.files()["confusion.npz"] != first["confusion.npz"]
    Image.fromarray(pixels).save(image)
    assert run(street, standin()) == 1
    assert street.files() == first
    label = street.labels / "frame2.png"
    Image.fromarray(np.array(Image.open(label))[::-1].copy()).save(label)
    assert run(street, standin()) == 1


def test_other_weights_or_settings_reuse_nothing(street: Any, standin: Make) -> None:
    assert run(street, standin()) == 5
    assert run(street, standin(identity="other weights, same name")) == 5
    other = standin()
    other.settings = {**other.settings, "device": "cuda"}
    assert run(street, other) == 5
    sheet = street.labels.parent / "mine.csv"
    rows = (Path(__file__).parents[3] / "fcn/label_sets/cityscapes.csv").read_text()
    sheet.write_text(rows.replace("128,    64,  128", "128,    64,  129"))
    assert run(street, standin(), label_set=sheet) == 5


def test_fresh_starts_over(street: Any, standin: Make) -> None:
    assert run(street, standin()) == 5
    first = street.files()
    assert run(street, standin(), fresh=True) == 5
    assert street.files() == first


def test_what_was_scored_before_bad_input_is_kept(
    street: Any, standin: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large set the quick check decodes a few frames only; here it passes over all."""
    monkeypatch.setattr("p2p_eval.scoring.segmentation.check", lambda *_, **__: [])
    label = street.labels / "frame3.png"
    good = label.read_bytes()
    label.write_bytes(good[:60])
    with pytest.raises(InputError, match=r"frame3\.png"):
        street.score(standin())
    assert list(street.files()) == ["journal.jsonl"]
    assert run(street, standin(), keep_going=True) == 1
    label.write_bytes(good)
    assert run(street, standin()) == 1


def test_two_processes_do_not_interfere(street: Any, standin: Make) -> None:
    whole = expected(street, standin)
    process = start(street, pace=0.5)
    journal = street.out / "results/fcn_score/journal.jsonl"
    deadline = time.monotonic() + 30
    while not journal.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(StoreError, match="another run"):
        street.score(standin())
    _, message = process.communicate(timeout=60)
    assert process.returncode == 0, message
    assert street.files() == whole


def test_scores_inside_the_results_folder_are_no_results(street: Any, standin: Make) -> None:
    """``p2p-eval fcn-score .`` writes below the very folder that it reads."""
    base = street.results.parent
    (base / "runs").mkdir()
    street.results.rename(base / "runs" / "a")
    for _ in range(2):
        report = fcn_score(
            base / "runs",
            labels=street.labels,
            out=base / "runs" / "p2p-eval-out",
            predictor=standin(),
            draws=5,
            save_predictions=True,
        )
        assert [entry.name for entry in report.experiments] == ["a"]


def test_damaged_counts_are_refused_unless_fresh(street: Any, standin: Make) -> None:
    street.score(standin())
    first = street.files()
    path = street.out / "results/fcn_score/confusion.npz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StoreError, match="--fresh"):
        street.score(standin())
    street.score(standin(), fresh=True)
    assert street.files() == first
