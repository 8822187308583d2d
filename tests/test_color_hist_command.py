"""``p2p-eval color-hist`` as a user meets it: the installed program, its exit codes and files."""

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


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "color-hist", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two experiments of four images, and their real images beside them."""
    rng = np.random.default_rng(0)
    for name, level in (("real", 120), ("results/L1", 130), ("results/cGAN", 180)):
        (tmp_path / name).mkdir(parents=True)
        for number in range(4):
            image = rng.normal(level, 30, (10, 12, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(image).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_table_plot_and_json(folder: Path) -> None:
    result = run("results", "--real", "real", cwd=folder)
    assert result.returncode == 0, result.stderr
    for text in ("L1", "cGAN", "Figure 7(d)", "0.69", "128 bins", "color_hist.svg"):
        assert text in result.stdout
    assert "4 pairs by name" in result.stderr
    out = folder / "p2p-eval-out"
    assert (out / "color_hist.svg").exists()
    assert (out / "color_hist.png").exists()
    again = run("results", "--real", "real", "--json", "--quiet", "--bins", 32, cwd=folder)
    assert (again.returncode, again.stderr) == (0, "")
    document = json.loads(again.stdout)
    assert document["schema"] == "p2p-eval/color-hist/1"
    entries = {entry["name"]: entry for entry in document["experiments"]}
    assert entries["L1"]["intersection"]["L"] > entries["cGAN"]["intersection"]["L"]
    assert entries["L1"]["bins"] == 32
    assert entries["L1"]["sensitivity"]["32"] == entries["L1"]["intersection"]
    stored = json.loads((out / "L1" / "color_hist" / "score.json").read_text())
    assert stored["experiments"] == [entries["L1"]]


def test_bad_input_is_one_message_and_exit_2(folder: Path) -> None:
    (folder / "results" / "L1" / "2.png").write_bytes(b"no image")
    result = run("results", "--real", "real", cwd=folder)
    assert (result.returncode, result.stdout) == (2, "")
    assert "2.png" in result.stderr
    assert "Traceback" not in result.stderr
    kept = run("results", "--real", "real", "--keep-going", cwd=folder)
    assert kept.returncode == 3, kept.stderr
    assert "left out: L1/2" in kept.stderr
    assert run("results", "--real", "real", "--bins", 99, cwd=folder).returncode == 2
