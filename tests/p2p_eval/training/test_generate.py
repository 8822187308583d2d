"""Generating: results folders that scores take, the same whatever the workers."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from pytorch_code_networks import UNet, randomize
from small_pairs import SMALL, side_by_side

from fcn.errors import WeightsError
from p2p_eval.datasets.paired import Pairs, find_pairs
from p2p_eval.errors import InputError
from p2p_eval.models import load_generator
from p2p_eval.results.images import read_rgb
from p2p_eval.results.layouts import find_experiments
from p2p_eval.results.provenance import made_by, read_facts
from p2p_eval.scoring.image_metrics import image_metrics
from p2p_eval.training.generate import generate, generate_from_file, write_ground_truth
from p2p_eval.training.loop import train


@pytest.fixture
def pairs(tmp_path: Path) -> Pairs:
    return find_pairs(side_by_side(tmp_path / "data", count=4), "AtoB")


@pytest.fixture
def trained(tmp_path: Path, pairs: Pairs) -> Path:
    return train(SMALL, pairs, tmp_path / "run").generator


def pixels(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.png"))}


def test_a_results_folder_in_a_known_layout(tmp_path: Path, trained: Path, pairs: Pairs) -> None:
    made = generate_from_file(trained.parent, tmp_path / "data", tmp_path / "results" / "L1+cGAN")
    (experiment,) = find_experiments(tmp_path / "results")
    assert (experiment.name, experiment.layout, len(experiment.items)) == ("L1+cGAN", "torch", 4)
    source, target = pairs.read(0, 64)
    folder = tmp_path / "results" / "L1+cGAN"
    np.testing.assert_array_equal(read_rgb(folder / "input" / "0.png"), source)
    np.testing.assert_array_equal(read_rgb(folder / "target" / "0.png"), target)
    facts = json.loads((folder / "generated.json").read_text())
    assert facts == json.loads(json.dumps(made.facts))
    assert facts["generator"]["training"]["loss"] == "L1+cGAN"
    assert (facts["test_mode"], facts["dropout_seed"], facts["images"]) == ("paper", 0, 4)
    assert facts["generator"]["sha256"] == load_generator(trained).sha256
    assert read_facts(tmp_path) == {}
    assert made.notes == ("warning: these are the images that the generator was trained on",)
    (note,) = made_by(folder)
    assert note.startswith("note: made by generator|task:AtoB|kind:unet|width:2|halves-to:64|")
    assert "|loss:L1+cGAN|" in note
    assert "|test-mode:paper|dropout-seed:0|" in note
    report = image_metrics(tmp_path / "results", metrics=["psnr"], out=tmp_path / "scores")
    assert note in report.experiments[0].notes
    (folder / "generated.json").write_text('{"signature": "\\u001b[31m", "generator": 3}')
    assert made_by(folder) == ()
    (folder / "generated.json").write_text("[" * 100_000)
    assert read_facts(folder) == {}


@pytest.mark.parametrize("mode", ["paper", "eval"])
def test_workers_and_other_images_change_nothing(
    tmp_path: Path, trained: Path, pairs: Pairs, mode: str
) -> None:
    made = {}
    for workers in (1, 3):
        folder = tmp_path / f"by{workers}"
        generate(load_generator(trained), pairs, folder, size=64, mode=mode, workers=workers)  # type: ignore[arg-type]
        made[workers] = pixels(folder)
    assert made[1] == made[3]
    some = replace(pairs, pairs=pairs.pairs[2:])
    generate(load_generator(trained), some, tmp_path / "some", size=64, mode=mode)  # type: ignore[arg-type]
    assert pixels(tmp_path / "some").items() <= made[1].items()


def test_the_seed_is_the_noise(tmp_path: Path, trained: Path, pairs: Pairs) -> None:
    outputs = {}
    for seed in (0, 1):
        for mode in ("paper", "eval"):
            folder = tmp_path / f"{mode}{seed}"
            generate(load_generator(trained), pairs, folder, size=64, mode=mode, seed=seed)  # type: ignore[arg-type]
            outputs[mode, seed] = pixels(folder / "output")
    assert outputs["paper", 0] != outputs["paper", 1]
    assert outputs["eval", 0] == outputs["eval", 1]


def test_larger_images_than_in_training(tmp_path: Path, trained: Path, pairs: Pairs) -> None:
    generate(load_generator(trained), pairs, tmp_path / "large", size=128)
    assert read_rgb(tmp_path / "large" / "output" / "0.png").shape == (128, 128, 3)
    with pytest.raises(InputError, match="got size 96, expected a multiple of 64"):
        generate(load_generator(trained), pairs, tmp_path / "odd", size=96)


def test_a_foreign_checkpoint_generates(tmp_path: Path, pairs: Pairs) -> None:
    """The file of a network in the PyTorch code's layout; its outputs are that network's."""
    network = UNet(3, 3, levels=6, width=4)
    randomize(network)
    path = tmp_path / "latest_net_G.pth"
    torch.save(network.state_dict(), path)
    generate_from_file(
        path, tmp_path / "data", tmp_path / "theirs", task="AtoB", size=64, mode="eval"
    )
    source, _ = pairs.read(1, 64)
    x = torch.from_numpy(source).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.inference_mode():
        wanted = ((network(x)[0] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    made = read_rgb(tmp_path / "theirs" / "output" / "1.png")
    assert np.abs(made.astype(int) - wanted).max() <= 1
    assert (made == wanted).mean() > 0.999
    with pytest.raises(InputError, match="give --task"):
        generate_from_file(path, tmp_path / "data", tmp_path / "none")


def test_a_generator_for_another_task(tmp_path: Path, trained: Path) -> None:
    with pytest.raises(InputError, match="got a generator of 3 to 3 channels, expected 1 to 2"):
        generate_from_file(trained, tmp_path / "data", tmp_path / "x", task="colorization")
    with pytest.raises(InputError, match="got task 'edges'"):
        generate_from_file(trained, tmp_path / "data", tmp_path / "x", task="edges")


def test_strangers_in_the_folder_are_left_alone(tmp_path: Path, trained: Path) -> None:
    (tmp_path / "x" / "output").mkdir(parents=True)
    (tmp_path / "x" / "output" / "other.png").write_bytes(b"")
    with pytest.raises(InputError, match="holds 1 other files"):
        generate_from_file(trained, tmp_path / "data", tmp_path / "x")


@pytest.mark.parametrize("task", ["colorization", "inpainting"])
def test_photos_alone(tmp_path: Path, task: str) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        photo = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(photo).save(folder / f"{number}.png")
    config = replace(SMALL, task=task, steps=2)
    train(config, find_pairs(folder, task), tmp_path / "run", fresh=True)
    made = generate_from_file(tmp_path / "run", folder, tmp_path / "made")
    shown = read_rgb(made.folder / "input" / "0.png")
    assert shown.shape == (64, 64, 3)
    if task == "colorization":
        assert (shown[..., 0] == shown[..., 1]).all()
    photo = read_rgb(folder / "0.png")
    np.testing.assert_array_equal(read_rgb(made.folder / "target" / "0.png"), photo)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run": []}, "its run is no object"),
        ({"run": {}}, "what cannot be"),
        ({"run": {"config": []}}, "what cannot be"),
        ({"run": {"config": {"task": []}}}, "got task"),
        ({"run": {"config": {"size": -64}}}, "got size = -64"),
        ({"run": {"config": {"size": "64"}}}, "expected int"),
        ({"run": {"config": {"label_set": 7}}}, "expected str"),
        ({"run": {"config": {"loss": "a|b"}}}, "got loss"),
        ({"run": {"config": {"new": 1}}}, "unknown key"),
        ({"test_mode": "bogus"}, "got test_mode"),
    ],
    ids=str,
)
def test_what_a_stranger_says_of_the_training(
    tmp_path: Path, trained: Path, change: dict[str, Any], message: str
) -> None:
    with safe_open(trained, framework="pt") as file:
        header = json.loads(file.metadata()["p2p-eval"])
    save_file(load_file(trained), trained, {"p2p-eval": json.dumps({**header, **change})})
    with pytest.raises(WeightsError, match=message):
        generate_from_file(trained, tmp_path / "data", tmp_path / "x", task="AtoB")
    assert not (tmp_path / "x").exists()


def test_an_unfinished_generator_is_told(tmp_path: Path, pairs: Pairs) -> None:
    path = train(SMALL, pairs, tmp_path / "half", minutes=0).generator
    made = generate_from_file(path, tmp_path / "data", tmp_path / "x")
    assert made.notes[0].startswith("warning: the generator is of step 1 of 6")
    assert "|steps:1|" in made.facts["signature"]


def test_folders_that_are_something_else(tmp_path: Path, trained: Path) -> None:
    for folder in (trained.parent, tmp_path / "data"):
        with pytest.raises(InputError, match="other files"):
            generate_from_file(trained, tmp_path / "data", folder)
    with pytest.raises(InputError, match="expected a run's folder or its generator"):
        generate_from_file(tmp_path / "none", tmp_path / "data", tmp_path / "x")


def test_killed_while_it_replaces_another_models_images(
    tmp_path: Path, trained: Path, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "x"
    generate(load_generator(trained), pairs, folder, size=64)

    def stops(path: Path, image: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("p2p_eval.training.generate.save_png", stops)
    with pytest.raises(KeyboardInterrupt):
        generate(load_generator(trained), pairs, folder, size=64, seed=1)
    assert read_facts(folder) == {}  # nobody knows which images are whose


def test_the_norm_of_one_pixel(tmp_path: Path, pairs: Pairs) -> None:
    config = replace(SMALL, bottleneck_norm=True, batch=2, test_mode="eval", steps=1)
    path = train(config, pairs, tmp_path / "normed", fresh=True).generator
    made = generate_from_file(path, tmp_path / "data", tmp_path / "x")
    assert made.facts["test_mode"] == "eval"
    with pytest.raises(InputError, match="got test mode paper, expected eval"):
        generate_from_file(path, tmp_path / "data", tmp_path / "y", mode="paper")


def test_ground_truth(tmp_path: Path, pairs: Pairs) -> None:
    write_ground_truth(pairs, tmp_path / "ground-truth", 64)
    for part in ("output", "target"):
        made = read_rgb(tmp_path / "ground-truth" / part / "2.png")
        np.testing.assert_array_equal(made, pairs.read(2, 64)[1])
