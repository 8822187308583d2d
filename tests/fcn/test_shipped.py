"""The weights that ship: small, plain, said to be what they are, and good on scenes never seen."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from pathlib import Path

import pytest

from fcn.catalogue import CATALOGUE
from fcn.data import find_pairs
from fcn.labels import label_set
from fcn.recipe import load_recipe
from fcn.validate import validate
from fcn.weights import Weights, load_weights
from p2p_eval.datasets import scenes


@pytest.fixture(scope="module")
def shipped() -> Weights:
    with resources.as_file(resources.files("fcn").joinpath("shipped", "scenes.safetensors")) as f:
        return load_weights(f)


def test_size_and_metadata(shipped: Weights) -> None:
    assert shipped.path.stat().st_size <= 3_000_000
    assert shipped.label_set == "scenes"
    assert shipped.outputs == label_set("scenes").outputs
    recipe = load_recipe("scenes")
    assert json.loads(shipped.metadata["recipe"]) == recipe.as_dict()
    assert shipped.metadata["steps"] == str(recipe.steps)


def test_the_card_is_of_this_file(shipped: Weights) -> None:
    card = resources.files("fcn").joinpath("shipped", "scenes.md").read_text("utf-8")
    sha256 = hashlib.sha256(shipped.path.read_bytes()).hexdigest()
    assert sha256 in card
    assert sha256 == CATALOGUE["scenes"].sha256
    assert shipped.path.stat().st_size == CATALOGUE["scenes"].size


def test_held_out_scenes(shipped: Weights, tmp_path: Path) -> None:
    scenes.make(tmp_path, 12, scenes.first_seed("test"))
    result = validate(shipped.build(), find_pairs(tmp_path), label_set("scenes"))
    assert result["pixel_accuracy"] >= 0.90
