"""The installed program's ``metrics`` with ``--compare``, ``--diversity``, fid and kid."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PROGRAM = Path(sys.executable).with_name("p2p-eval")
OFFLINE = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}


def metrics(*arguments: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "metrics", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "2", **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def refused(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six real images; ``near`` is nearer to them than ``far``."""
    rng = np.random.default_rng(0)
    for number in range(6):
        real = rng.integers(60, 190, (24, 24, 3))
        for name, strength in (("near", 5), ("far", 50)):
            output = real + rng.integers(-strength, strength, real.shape)
            for role, pixels in (("fake_B", output), ("real_B", real)):
                path = tmp_path / name / f"{number}_{role}.png"
                path.parent.mkdir(exist_ok=True)
                Image.fromarray(pixels.astype(np.uint8)).save(path)
    return tmp_path


def test_help_names_variants(tmp_path: Path) -> None:
    """Brackets are no markup."""
    assert "ssim[rgb]" in metrics("--help", cwd=tmp_path, COLUMNS="200").stdout


def test_the_better_experiment_is_named(folder: Path) -> None:
    result = metrics("near", "far", "--metrics", "psnr,gmsd", "--compare", "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    psnr, gmsd = document["comparisons"]
    assert (psnr["a"], psnr["b"], psnr["metric"], psnr["images"]) == ("near", "far", "psnr", 6)
    assert psnr["winner"] == gmsd["winner"] == "near"
    assert psnr["ci95"][0] > 0
    assert gmsd["ci95"][1] < 0
    assert psnr["p"] == pytest.approx(2 / 2**6)
    means = [entry["metrics"]["psnr"]["mean"] for entry in document["experiments"]]
    assert psnr["difference"] == pytest.approx(means[0] - means[1])
    assert psnr["signature"] == document["experiments"][0]["metrics"]["psnr"]["signature"]
    written = json.loads((folder / "p2p-eval-out/metrics_comparison.json").read_text())
    assert written["schema"] == "p2p-eval/metrics-comparison/1"
    assert written["comparisons"] == document["comparisons"]


def test_the_table_says_which_is_better(folder: Path) -> None:
    copy = folder / "near2"
    copy.mkdir()
    for path in (folder / "near").iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    result = metrics("near", "far", "near2", "--metrics", "psnr", "--compare", cwd=folder)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    far = next(line.split() for line in lines if line.split()[:2] == ["near", "far"])
    same = next(line.split() for line in lines if line.split()[:2] == ["near", "near2"])
    assert far[-1] == "a"
    assert same[2:] == ["psnr", "6", "+0.00", "dB", "1.000", "no", "difference", "shown"]


def test_images_of_one_only(folder: Path) -> None:
    for role in ("fake_B", "real_B"):
        (folder / "far" / f"3_{role}.png").unlink()
    message = refused(metrics("near", "far", "--metrics", "psnr", "--compare", cwd=folder))
    assert "1 image that only one of them has (near/3)" in message
    assert not (folder / "p2p-eval-out").exists(), "found before anything is measured"
    result = metrics(
        "near", "far", "--metrics", "psnr", "--compare", "--keep-going", "--json", cwd=folder
    )
    assert result.returncode == 3
    assert json.loads(result.stdout)["comparisons"][0]["images"] == 5
    assert "left out: near/3: far has no image of this name" in result.stderr


def test_other_real_images_are_another_test_set(folder: Path) -> None:
    path = folder / "far" / "2_real_B.png"
    path.write_bytes((folder / "far" / "1_real_B.png").read_bytes())
    for more in ((), ("--keep-going",)):
        message = refused(metrics("near", "far", "--metrics=psnr", "--compare", *more, cwd=folder))
        assert "not of the same test set" in message
        assert "(2)" in message


def test_jpegs_are_not_compared_with_pngs(folder: Path) -> None:
    for path in (folder / "far").glob("*_fake_B.png"):
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    result = metrics("near", "far", "--metrics=psnr", "--compare", "--json", cwd=folder)
    assert result.returncode == 3
    assert json.loads(result.stdout)["comparisons"] == []
    assert "psnr of near and far is not compared: their signatures differ (jpeg: no and yes)" in (
        result.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["near", "--compare"], "got 1 experiment (near), expected two or more to compare"),
        (["near", "far", "--diversity", "--compare"], "got --diversity with --compare"),
        (["near", "far", "--diversity", "--real", "near"], "got --diversity with --compare or"),
    ],
)
def test_usage(folder: Path, arguments: list[str], message: str) -> None:
    assert message in refused(metrics(*arguments, cwd=folder))


def test_without_its_weights_fid_is_named_and_the_others_run(folder: Path) -> None:
    home = folder / "torch"
    result = metrics(
        "near", "--metrics", "psnr,fid,kid", "--json", cwd=folder, TORCH_HOME=str(home), **OFFLINE
    )
    assert result.returncode == 3
    document = json.loads(result.stdout)
    assert list(document["experiments"][0]["metrics"]) == ["psnr"]
    assert [entry["metric"] for entry in document["unavailable"]] == ["fid", "kid"]
    place = home / "hub/checkpoints/weights-inception-2015-12-05-6726825d.pth"
    assert f"put it at {place}" in document["unavailable"][0]["reason"]
    assert "fid is not available" in result.stderr


@pytest.mark.data
def test_public_facades_results(test_data: Path, tmp_path: Path) -> None:
    """The run with the higher PSNR is not shown to be better, and LPIPS says the contrary."""
    weights = test_data / "lpips" / "alexnet_features.pth"
    result = metrics(
        test_data / "results", "--metrics", "psnr,lpips", "--lpips-weights", weights, "--compare",
        "--json", cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    psnr, lpips = document["comparisons"]
    assert (psnr["a"], psnr["b"]) == ("facades_label2photo_pretrained", "facades_pix2pix")
    assert (psnr["images"], lpips["images"]) == (50, 50)
    assert (psnr["mean_a"], psnr["mean_b"]) == pytest.approx((12.67, 12.85), abs=0.01)
    assert (lpips["mean_a"], lpips["mean_b"]) == pytest.approx((0.425, 0.540), abs=0.001)
    assert psnr["ci95"][0] < 0 < psnr["ci95"][1]
    assert psnr["winner"] is None
    assert psnr["p"] > 0.05
    assert lpips["winner"] == "facades_label2photo_pretrained"
    assert lpips["p"] < 1e-9


@pytest.mark.data
def test_public_facades_results_as_samples(test_data: Path, tmp_path: Path) -> None:
    """Of two samples, the diversity is their LPIPS."""
    weights = test_data / "lpips" / "alexnet_features.pth"
    runs = [
        test_data / "results" / name
        for name in ("facades_pix2pix", "facades_label2photo_pretrained")
    ]
    result = metrics(*runs, "--diversity", "--lpips-weights", weights, "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["schema"] == "p2p-eval/metrics/1"
    found = document["diversity"]
    assert (found["metric"], found["images"]) == ("lpips[alex-v0.1]", 50)
    assert found["ci95"][0] < found["mean"] < found["ci95"][1]
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    for number in ("1", "2", "3"):
        for run, role in zip(runs, ("fake_B", "real_B"), strict=True):
            image = run / "test_latest" / "images" / f"{number}_fake_B.png"
            (pairs / f"{number}_{role}.png").write_bytes(image.read_bytes())
    alone = metrics(
        pairs, "--metrics", "lpips", "--lpips-weights", weights, "--out", "other", cwd=tmp_path
    )
    assert alone.returncode == 0, alone.stderr
    rows = (tmp_path / "p2p-eval-out/metrics_diversity.csv").read_text().splitlines()
    expected = (tmp_path / "other/pairs/metrics/per_image.csv").read_text().splitlines()
    assert {row for row in rows if row[:2] in ("1,", "2,", "3,")} == set(expected[1:])
