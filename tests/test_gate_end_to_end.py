"""The installed program's ``gate``: real images scored, a baseline kept, candidates stopped."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

PROGRAM = Path(sys.executable).with_name("p2p-eval")
BASELINE, BLURRIER = "facades_label2photo_pretrained", "facades_pix2pix"
IMAGES = 50


def program(*arguments: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GITHUB")}
    return subprocess.run(
        [PROGRAM, *map(str, arguments)],
        cwd=cwd,
        env={**inherited, "OMP_NUM_THREADS": "2", **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def gate(*arguments: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    result = program("gate", *arguments, cwd=cwd, **env)
    assert "Traceback" not in result.stderr
    return result


def verdicts(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {entry["figure"]: entry["verdict"] for entry in json.loads(result.stdout)["figures"]}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a model's scores, a baseline of them, and the scores of a worse model."""
    folder = tmp_path_factory.mktemp("team")
    rng = np.random.default_rng(0)
    for number in range(30):
        real = rng.integers(60, 190, (24, 24, 3))
        for name, strength in (("good", 5), ("bad", 9)):
            output = real + rng.integers(-strength, strength, real.shape)
            for role, pixels in (("fake_B", output), ("real_B", real)):
                path = folder / name / "model" / f"{number}_{role}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels.astype(np.uint8)).save(path)
    for name in ("good", "bad"):
        done = program(
            "metrics", name, "--metrics", "psnr,ssim", "--out", f"{name}-scores", cwd=folder
        )
        assert done.returncode == 0, done.stderr
    kept = gate("good-scores", "--update", cwd=folder)
    assert kept.returncode == 0, kept.stderr
    assert (folder / kept.stdout.strip()).is_file()
    return folder


@pytest.fixture
def team(scored: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(scored, tmp_path / "team")


def test_a_team_keeps_a_baseline_and_stops_a_worse_model(team: Path) -> None:
    same = gate("good-scores", "--json", cwd=team)
    assert same.returncode == 0, same.stderr
    assert set(verdicts(same).values()) == {"same"}
    worse = gate(
        "bad-scores", "--json", "--junit", "gate.xml", "--markdown", "gate.md", cwd=team
    )  # fmt: skip
    assert worse.returncode == 1, worse.stderr
    assert set(verdicts(worse).values()) == {"worse"}
    assert len(list(ET.parse(team / "gate.xml").iter("failure"))) == 2
    text = (team / "gate.md").read_text()
    shown = re.findall(r'<img src="([^"]+)"', text)
    assert shown
    assert all((team / path).is_file() for path in shown)
    table = gate("bad-scores", cwd=team)
    assert table.returncode == 1
    assert "failed: 2 worse" in table.stdout


def test_a_baseline_is_renewed_listed_and_followed(team: Path) -> None:
    assert gate("bad-scores", "--update", cwd=team).returncode == 0
    assert gate("bad-scores", cwd=team).returncode == 0
    assert gate("bad-scores", "--compare", "1", cwd=team).returncode == 1
    listed = json.loads(gate("--list", "--json", cwd=team).stdout)
    assert [entry["number"] for entry in listed["baselines"]] == [1, 2]
    history = gate("--history", "--plot", "history.svg", "--json", cwd=team)
    assert history.returncode == 0, history.stderr
    (psnr, _) = json.loads(history.stdout)["figures"]
    assert psnr["values"][0] > psnr["values"][1]
    assert (team / "history.svg").stat().st_size > 1000


def test_settings_of_a_project(team: Path) -> None:
    (team / "pyproject.toml").write_text(
        '[tool.p2p_eval.gate]\nignore = ["ssim"]\ntolerances = {psnr = 100}\n'
    )
    result = gate("bad-scores", "--json", cwd=team)
    assert result.returncode == 0, result.stderr
    assert verdicts(result) == {"psnr": "same"}
    assert "ssim" in result.stdout  # what is ignored is listed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no such folder"),
        (["good-scores", "--baseline", "nowhere"], "got no baseline"),
        (["good-scores", "--compare", "9"], "expected one of those there: 1"),
        (["good-scores", "--list", "--update"], "one at a time"),
        (["good-scores", "--settings", "nowhere.toml"], "cannot be read"),
        (["."], "got no score files"),
    ],
)
def test_what_cannot_be_compared_is_no_pass(team: Path, arguments: list[str], message: str) -> None:
    result = gate(*arguments, cwd=team)
    assert result.returncode == 2
    assert result.stdout == ""
    assert message in result.stderr


def test_other_images_and_other_settings_are_no_pass(team: Path) -> None:
    for role in ("fake_B", "real_B"):
        (team / "good" / "model" / f"7_{role}.png").unlink()
    program("metrics", "good", "--metrics", "psnr,ssim", "--out", "fewer", cwd=team)
    fewer = gate("fewer", cwd=team)
    assert fewer.returncode == 2
    assert "7" in fewer.stderr
    assert "missing" in fewer.stderr
    program("metrics", "good", "--metrics", "psnr", "--out", "less", cwd=team)
    less = gate("less", cwd=team)
    assert less.returncode == 2
    # All that is wrong is said at once.
    assert "ssim" in less.stderr
    assert "missing" in less.stderr


def test_what_could_not_be_compared_becomes_no_baseline(team: Path) -> None:
    (team / "gate.toml").write_text('ignore = ["*"]\n')
    before = sorted((team / ".p2p-eval").iterdir())
    result = gate("good-scores", "--update", "--settings", "gate.toml", cwd=team)
    assert result.returncode == 2
    assert "got no figure to guard" in result.stderr
    assert sorted((team / ".p2p-eval").iterdir()) == before


def test_a_damaged_baseline_is_no_pass(team: Path) -> None:
    (path,) = (team / ".p2p-eval").glob("*.json")
    whole = path.read_text()
    for text in (whole[:-50], whole.replace('"value"', '"valeu"', 1), "{}", ""):
        path.write_text(text)
        result = gate("good-scores", cwd=team)
        assert result.returncode == 2
        assert path.name in result.stderr
    path.write_text(whole)
    assert gate("good-scores", cwd=team).returncode == 0


@pytest.fixture(scope="module")
def facades(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scores of two runs of public facades, of which one is the baseline."""
    folder = tmp_path_factory.mktemp("facades")
    for name in (BASELINE, BLURRIER):
        _score(folder, test_data / "results" / name, test_data, f"{name}-scores")
    assert gate(f"{BASELINE}-scores", "--update", cwd=folder).returncode == 0
    return folder


def _score(folder: Path, results: Path, test_data: Path, out: str) -> None:
    weights = test_data / "lpips" / "alexnet_features.pth"
    done = program(
        "metrics", results, "--metrics", "psnr,lpips", "--lpips-weights", weights, "--out", out,
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.data
def test_the_blurrier_model_fails_by_lpips_and_not_by_psnr(facades: Path) -> None:
    result = gate(f"{BLURRIER}-scores", "--json", cwd=facades)
    assert result.returncode == 1, result.stderr
    assert verdicts(result) == {"psnr": "same", "lpips[alex-v0.1]": "worse"}


@pytest.mark.data
def test_the_same_model_passes(facades: Path) -> None:
    result = gate(f"{BASELINE}-scores", "--json", cwd=facades)
    assert result.returncode == 0, result.stderr
    assert set(verdicts(result).values()) == {"same"}


@pytest.mark.data
def test_a_twentieth_of_the_images_damaged_fails_and_they_are_shown(
    facades: Path, test_data: Path
) -> None:
    copy = facades / "damaged" / BASELINE
    shutil.copytree(test_data / "results" / BASELINE, copy, copy_function=shutil.copyfile)
    outputs = sorted(copy.rglob("*_fake_B.png"))
    assert len(outputs) == IMAGES
    damaged = [outputs[place] for place in (4, 20, 41)]  # of fifty, 5 % are two and a half
    for path in damaged:
        path.chmod(0o644)
        with Image.open(path) as image:
            noise = np.random.default_rng(0).integers(0, 256, np.asarray(image).shape, np.uint8)
        Image.fromarray(noise).save(path)
    _score(facades, copy, test_data, "damaged-scores")
    result = gate("damaged-scores", "--json", cwd=facades)
    assert result.returncode == 1, result.stderr
    document = json.loads(result.stdout)
    names = {path.name.removesuffix("_fake_B.png") for path in damaged}
    failed = [entry for entry in document["figures"] if entry["verdict"] == "worse"]
    assert "lpips[alex-v0.1]" in {entry["figure"] for entry in failed}
    for entry in failed:
        assert {worst["image"] for worst in entry["worst_images"]} == names
        assert all(worst["files"]["output"] for worst in entry["worst_images"])
