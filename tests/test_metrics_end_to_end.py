"""``p2p-eval metrics`` as a user meets it: values, tables, exit codes, files."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from p2p_eval.cli import app

PROGRAM = Path(sys.executable).with_name("p2p-eval")


def run(*arguments: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program, where no weights are and none can be fetched."""
    offline = {"TORCH_HOME": str(cwd / "hub"), "https_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        [PROGRAM, "metrics", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **offline, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def call(iqa: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the program in this process, which saves the start, in the folder of the pairs."""
    monkeypatch.chdir(iqa)
    return lambda *arguments: CliRunner().invoke(app, ["metrics", *map(str, arguments)])


def refused(result: Result) -> str:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.fixture
def iqa(golden: Path, tmp_path: Path) -> Path:
    """A writable copy of the golden pairs: ``dist`` and ``ref``."""
    shutil.copytree(golden / "iqa", tmp_path, dirs_exist_ok=True)
    return tmp_path


def rows_of(path: Path) -> dict[str, dict[str, float]]:
    with path.open(newline="") as file:
        return {
            row.pop("image"): {name: float(value) for name, value in row.items()}
            for row in csv.DictReader(file)
        }


def expected(iqa: Path) -> dict[str, dict[str, float]]:
    with (iqa / "expected.csv").open(newline="") as file:
        return {
            row["name"].removesuffix(".png"): {
                "psnr": float(row["psnr"]),
                "ssim": float(row["ssim_wang2004"]),
                "ssim[no-downsample]": float(row["ssim_wang2004_no_downsample"]),
                "gmsd": float(row["gmsd"]),
            }
            for row in csv.DictReader(file)
        }


def test_values_of_the_authors_programs(iqa: Path) -> None:
    names = "psnr,ssim,ssim[no-downsample],gmsd"
    result = run("dist", "--real", "ref", "--metrics", names, "--json", cwd=iqa)
    assert result.returncode == 0, result.stderr
    (entry,) = json.loads(result.stdout)["experiments"]
    assert (entry["name"], entry["images"]) == ("dist", 8)
    ours, theirs = rows_of(iqa / "p2p-eval-out/dist/metrics/per_image.csv"), expected(iqa)
    assert ours.keys() == theirs.keys()
    for image, values in theirs.items():
        for name, value in values.items():
            assert ours[image][name] == pytest.approx(value, abs=1e-6), (image, name)
    for name in names.split(","):
        mean = np.mean([values[name] for values in theirs.values()])
        figures = entry["metrics"][name]
        assert figures["mean"] == pytest.approx(mean, abs=1e-6)
        assert figures["ci95"][0] < figures["mean"] < figures["ci95"][1]
        assert figures["infinite"] == 0


def test_defaults_without_the_weights_of_lpips(iqa: Path) -> None:
    result = run("dist", "--real", "ref", cwd=iqa)
    assert result.returncode == 0, result.stderr
    assert "lpips[alex-v0.1] is not available" in result.stderr
    assert str(iqa / "hub") in result.stderr
    for heading in ("psnr, dB ↑", "ssim ↑", "gmsd ↓"):
        assert heading in result.stdout
    assert "lpips" not in result.stdout
    assert "±" in result.stdout
    asked = run("dist", "--real", "ref", "--metrics", "psnr,lpips", "--json", cwd=iqa)
    assert asked.returncode == 3
    document = json.loads(asked.stdout)
    assert [entry["metric"] for entry in document["unavailable"]] == ["lpips[alex-v0.1]"]
    assert list(document["experiments"][0]["metrics"]) == ["psnr"]
    nothing = run("dist", "--real", "ref", "--metrics", "lpips", cwd=iqa)
    assert nothing.returncode == 2
    assert "none of the metrics" in nothing.stderr


@pytest.mark.data
def test_lpips_from_given_weights(iqa: Path, test_data: Path) -> None:
    weights = test_data / "lpips" / "alexnet_features.pth"
    options = ("--real", "ref", "--metrics", "lpips,psnr", "--lpips-weights", weights, "--json")
    cache = {"P2P_EVAL_CACHE": str(iqa / "cache"), "P2P_EVAL_FEATURES_GIB": "1"}
    first = run("dist", *options, cwd=iqa, **cache)
    assert first.returncode == 0, first.stderr
    assert list(json.loads(first.stdout)["experiments"][0]["metrics"]) == [
        "lpips[alex-v0.1]", "psnr",
    ]  # fmt: skip
    folder = iqa / "p2p-eval-out/dist/metrics"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(list((iqa / "cache/features").iterdir())) == 8  # pixels with features
    for extra, env in (((), cache), (("--fresh",), cache), (("--fresh", "--workers", 1), {})):
        again = run("dist", *options, *extra, cwd=iqa, **env)
        assert again.stdout == first.stdout
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


def test_bad_usage(iqa: Path, call: Callable[..., Result]) -> None:
    message = refused(call("dist", "--real", "ref", "--metrics", "psnr,sim"))
    assert "got metric 'sim', expected some of psnr, ssim" in message
    assert "--real" in refused(call("dist"))
    assert "No such file" in refused(call("dist", "--real", "reff"))
    for name in sorted((iqa / "ref").iterdir()):
        name.rename(name.with_name(f"frame{name.name}"))
    message = refused(call("dist", "--real", "ref", "--metrics", "psnr"))
    assert "00_noise_256x256" in message
    assert "frame00_noise_256x256" in message


def test_a_damaged_image_and_keep_going(iqa: Path, call: Callable[..., Result]) -> None:
    damaged = iqa / "dist" / "05_noise_640x640.png"
    damaged.write_bytes(damaged.read_bytes()[:1000])
    options = ("dist", "--real", "ref", "--metrics", "psnr,ssim")
    message = refused(call(*options))
    assert "05_noise_640x640.png: the image is damaged" in message
    assert "--keep-going" in message
    folder = iqa / "p2p-eval-out/dist/metrics"
    assert [path.name for path in folder.iterdir()] == ["journal.jsonl"]
    result = call(*options, "--keep-going")
    assert result.exit_code == 3
    assert "left out: dist/05_noise_640x640: " in result.stderr
    assert len(rows_of(folder / "per_image.csv")) == 7
    assert not (folder / "journal.jsonl").exists()


def test_one_pixel_images(iqa: Path, call: Callable[..., Result]) -> None:
    for folder in ("dist", "ref"):
        Image.new("RGB", (1, 1), (1, 2, 3)).save(iqa / folder / "tiny.png")
    message = refused(call("dist", "--real", "ref", "--metrics", "psnr,ssim"))
    assert "tiny.png: got 1×1 pixels, expected at least 11 on each side for ssim" in message
    result = call("dist", "--real", "ref", "--metrics", "psnr", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["experiments"][0]["metrics"]["psnr"]["infinite"] == 1


def test_interrupted_run_goes_on_to_the_same_bytes(iqa: Path) -> None:
    for n in range(60):
        shutil.copy(iqa / "dist/05_noise_640x640.png", iqa / f"dist/{n}.png")
        shutil.copy(iqa / "ref/05_noise_640x640.png", iqa / f"ref/{n}.png")
    options = ("dist", "--real", "ref", "--metrics", "psnr,ssim,gmsd")
    assert run(*options, "--out", "whole", cwd=iqa).returncode == 0
    process = subprocess.Popen(
        [PROGRAM, "metrics", *options], cwd=iqa, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    journal = iqa / "p2p-eval-out/dist/metrics/journal.jsonl"
    deadline = time.monotonic() + 60
    while not journal.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message
    assert b"interrupted" in message
    assert journal.exists()
    assert run(*options, cwd=iqa).returncode == 0
    for name in ("values.json", "per_image.csv", "score.json"):
        path = Path("dist/metrics") / name
        assert (iqa / "whole" / path).read_bytes() == (iqa / "p2p-eval-out" / path).read_bytes()


def test_quiet_leaves_warnings(iqa: Path, call: Callable[..., Result]) -> None:
    with Image.open(iqa / "dist/00_noise_256x256.png") as image:
        image.save(iqa / "dist/00_noise_256x256.png", "JPEG")
    shutil.copy(iqa / "ref/01_blur_256x256.png", iqa / "dist/01_blur_256x256.png")
    options = ("dist", "--real", "ref", "--metrics", "psnr")
    loud, quiet = call(*options), call(*options, "--quiet")
    assert "the very files" in loud.stderr
    assert "the very files" not in quiet.stderr
    assert "JPEG" in quiet.stderr
    assert loud.stdout == quiet.stdout
    assert "1 infinite" in loud.stdout
