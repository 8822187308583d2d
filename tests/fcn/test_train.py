"""The training loop: it learns, it goes on where it was killed, it stops when it diverges."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner

from fcn.checkpoint import read_checkpoint, write_checkpoint
from fcn.data import find_pairs
from fcn.errors import DownloadError, LabelSetError, RecipeError, TrainingError
from fcn.labels import label_set
from fcn.network import FULL_WIDTHS, FCN8s
from fcn.recipe import Recipe, load_recipe
from fcn.train import _main, train
from fcn.validate import validate
from fcn.weights import load_weights

TINY = Recipe(
    name="tiny",
    label_set="camvid",
    widths=(4, 4, 8, 8, 8, 8, 8),
    steps=6,
    learning_rate=1e-2,
    batch=2,
    checkpoint_every=2,
    validate_every=3,
    warmup=2,
    brightness=5.0,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four 32×32 photos: bands of two classes whose colours tell them apart."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for part in ("photos", "labels"):
        (folder / part).mkdir()
    for index in range(4):
        ids = np.where(np.arange(32)[:, None] < 8 + 4 * index, 0, 3).repeat(32, 1).astype(np.uint8)
        photo = np.where(ids[..., None] == 0, (90, 140, 220), (90, 80, 85))
        photo = np.clip(photo + random.normal(0, 8, photo.shape), 0, 255).astype(np.uint8)
        Image.fromarray(ids).save(folder / "labels" / f"{index}.png")
        Image.fromarray(photo).save(folder / "photos" / f"{index}.png")
    return folder


def test_it_learns_and_what_it_writes_is_a_plain_network(data: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    recipe = replace(TINY, steps=40, validate_every=20, checkpoint_every=40)
    path = train(recipe, data, tmp_path, val=data, say=lines.append)
    weights = load_weights(path)
    assert weights.label_set == "camvid"
    result = validate(weights.build(), find_pairs(data), label_set("camvid"))
    assert result["pixel_accuracy"] > 0.9
    assert weights.metadata["val_pixel_accuracy"] == f"{result['pixel_accuracy']:.6f}"
    assert json.loads(weights.metadata["recipe"])["steps"] == 40
    assert weights.metadata["steps"] == "40"
    assert any("step 20: validation pixel accuracy" in line for line in lines)


def test_a_label_set_that_weights_cannot_name_is_refused_at_once(
    data: Path, tmp_path: Path
) -> None:
    table = tmp_path / "my set.csv"
    table.write_text("id, train_id, name, red, green, blue\n0, 0, sky, 0, 0, 0\n")
    with pytest.raises(LabelSetError, match="'my set', which weights cannot carry"):
        train(replace(TINY, label_set=str(table)), data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_stopped_and_resumed_is_the_same(
    data: Path, tmp_path: Path, optimizer: str, batch_norm: bool
) -> None:
    recipe = replace(TINY, optimizer=optimizer, batch_norm=batch_norm, learning_rate=1e-3)
    whole = load_file(train(recipe, data, tmp_path / "whole"))
    for _ in range(recipe.steps):  # Out of time after every single step.
        parts = load_file(train(recipe, data, tmp_path / "parts", minutes=0))
    assert torch.load(tmp_path / "parts" / "checkpoint.pt", weights_only=True)["step"] == 6
    assert set(whole) == set(parts)
    for name, tensor in whole.items():
        assert torch.equal(parts[name], tensor), name


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
def test_killed_and_resumed_is_the_same(data: Path, tmp_path: Path, one_thread: None) -> None:
    values = replace(TINY, steps=40).as_dict()
    recipe = tmp_path / "tiny.toml"
    recipe.write_text("\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items()))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    arguments = [str(recipe), "--data", str(data), "--out", str(parts), "--device", "cpu"]
    command = [sys.executable, "-m", "fcn.train", *arguments, "--threads", "1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (parts / "checkpoint.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    lines: list[str] = []
    resumed = train(load_recipe(recipe), data, parts, say=lines.append)
    assert "goes on after step" in lines[0]
    uninterrupted = train(load_recipe(recipe), data, whole)
    assert resumed.read_bytes() == uninterrupted.read_bytes()


def test_a_diverging_run_stops_and_keeps_its_checkpoint(data: Path, tmp_path: Path) -> None:
    recipe = replace(
        TINY, batch_norm=False, optimizer="sgd", loss="sum", learning_rate=1.0, warmup=0,
        steps=50, checkpoint_every=1,
    )  # fmt: skip
    with pytest.raises(TrainingError, match=r"the loss is .* lower learning_rate"):
        train(recipe, data, tmp_path)
    assert not (tmp_path / "weights.safetensors").exists()
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert 1 <= saved["step"] < 50


def test_out_cannot_be_made(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match="cannot be made"):
        train(TINY, data, tmp_path / "file" / "out")


def test_a_checkpoint_of_another_run_is_refused(data: Path, tmp_path: Path) -> None:
    train(replace(TINY, steps=1), data, tmp_path)
    with pytest.raises(TrainingError, match="another recipe"):
        train(replace(TINY, steps=2), data, tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(b"PK nothing")
    with pytest.raises(TrainingError, match="cannot be read as a checkpoint"):
        train(replace(TINY, steps=1), data, tmp_path)
    torch.save({"step": 1}, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="not a checkpoint"):
        train(replace(TINY, steps=1), data, tmp_path)


def test_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "touched",))

    torch.save({"step": Hostile()}, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="cannot be read"):
        read_checkpoint(tmp_path / "checkpoint.pt", recipe={}, data="", start="")
    assert not (tmp_path / "touched").exists()


def test_a_checkpoint_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot be written"):
        write_checkpoint(tmp_path / "none" / "checkpoint.pt", {"step": 1})


def test_a_checkpoint_stays_when_its_successor_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, {"step": 1})

    def full(content: object, file: BinaryIO) -> None:
        file.write(b"PK")
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("torch.save", full)
    with pytest.raises(TrainingError, match="the disk is full"):
        write_checkpoint(path, {"step": 2})
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert torch.load(path, weights_only=True) == {"step": 1}


def test_starts_from_given_weights(data: Path, tmp_path: Path) -> None:
    first = train(TINY, data, tmp_path / "first")
    recipe = replace(TINY, learning_rate=1e-14, weight_decay=0.0, steps=1)
    second = load_file(train(recipe, data, tmp_path / "second", weights=first))
    for name, tensor in load_file(first).items():
        torch.testing.assert_close(second[name], tensor)
    other = replace(recipe, widths=(4, 4, 8, 8, 8, 8, 4))
    with pytest.raises(RecipeError, match="widths and label_set"):
        train(other, data, tmp_path / "third", weights=first)


def test_imagenet_offline(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> dict[str, torch.Tensor]:
        raise DownloadError("offline")

    monkeypatch.setattr("fcn.train.imagenet_vgg16", refuse)
    recipe = replace(TINY, start="imagenet", batch_norm=False)
    with pytest.raises(DownloadError):
        train(recipe, data, tmp_path)
    assert train(replace(recipe, start="scratch"), data, tmp_path).exists()


def test_class_weights(data: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="for each of the 11 classes"):
        train(replace(TINY, class_weights=(1.0, 2.0)), data, tmp_path)
    only_sky = (1.0,) + (0.0,) * 10
    recipe = replace(TINY, class_weights=only_sky, steps=30, checkpoint_every=30)
    model = load_weights(train(recipe, data, tmp_path)).build()
    result = validate(model, find_pairs(data), label_set("camvid"))
    assert result["class_accuracy"] == pytest.approx(0.5, abs=0.02)  # All sky, no road.


def test_validation_counts_as_the_strict_protocol_does(data: Path) -> None:
    class Sky(FCN8s):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scores = torch.zeros(1, 11, *x.shape[-2:])
            scores[:, 0] = 1
            return scores

    model = Sky(11, dict.fromkeys(FULL_WIDTHS, 1))
    result = validate(model, find_pairs(data), label_set("camvid"))
    sky = sum(8 + 4 * index for index in range(4)) / (4 * 32)
    assert result == pytest.approx({"pixel_accuracy": sky, "class_accuracy": 0.5, "iou": sky / 2})


@pytest.mark.parametrize(
    ("recipe", "device", "message"),
    [
        ("scene", "cpu", "expected one of scenes, camvid, cityscapes"),
        ("scenes", "gpu", "expected auto, cpu, cuda or cuda:N"),
        ("scenes", "cuda:99", "CUDA devices"),
        ("scenes", "auto", "expected photos/ and labels/"),
    ],
)
def test_command_line_says_what_is_wrong(
    tmp_path: Path, recipe: str, device: str, message: str
) -> None:
    app = typer.Typer()
    app.command()(_main)
    options = ["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--device", device]
    done = CliRunner().invoke(app, [recipe, *options])
    assert done.exit_code == 2
    assert message in done.stderr


def test_command_line_reports_files_that_cannot_be_read(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(_main)
    options = ["--data", str(tmp_path / ("x" * 300)), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["scenes", *options, "--device", "cpu"])
    assert done.exit_code == 2
    assert done.stderr.startswith("fcn.train: ")
    assert "Traceback" not in done.stderr
