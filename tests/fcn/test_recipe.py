"""Recipes: the shipped ones load, wrong ones are refused with a useful message."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from importlib import resources
from pathlib import Path

import pytest

from fcn.errors import RecipeError
from fcn.labels import label_set
from fcn.network import FULL_WIDTHS
from fcn.recipe import RANGES, RECIPES, Recipe, load_recipe

GOOD = {
    "name": '"mine"',
    "label_set": '"camvid"',
    "widths": "[8, 8, 8, 8, 8, 8, 8]",
    "steps": "10",
    "learning_rate": "1e-3",
}


def write(tmp_path: Path, **changes: str | None) -> Path:
    values = {k: v for k, v in {**GOOD, **changes}.items() if v is not None}
    path = tmp_path / "recipe.toml"
    path.write_text("\n".join(f"{key} = {value}" for key, value in values.items()))
    return path


@pytest.mark.parametrize("name", RECIPES)
def test_shipped(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert label_set(recipe.label_set).name == name


def test_every_shipped_file_is_named() -> None:
    files = resources.files("fcn").joinpath("recipes").iterdir()
    assert {f.name for f in files if f.name.endswith(".toml")} == {f"{n}.toml" for n in RECIPES}


def test_cityscapes_is_the_official_network_and_optimizer() -> None:
    recipe = load_recipe("cityscapes")
    widths = list(dict.fromkeys([name.split("_")[0] for name in FULL_WIDTHS]))
    first = [next(FULL_WIDTHS[n] for n in FULL_WIDTHS if n.startswith(block)) for block in widths]
    assert list(recipe.widths) == first
    assert (recipe.optimizer, recipe.momentum, recipe.learning_rate) == ("sgd", 0.99, 1e-10)
    assert (recipe.loss, recipe.batch, recipe.weight_decay) == ("sum", 1, 5e-4)
    assert (recipe.start, recipe.photo_size, recipe.batch_norm) == ("imagenet", 256, False)


def test_file_and_whole_numbers_for_floats(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, brightness="8"))
    assert recipe.brightness == 8.0
    assert isinstance(recipe.brightness, float)
    assert recipe.widths == (8,) * 7
    assert Recipe(**recipe.as_dict() | {"widths": (8,) * 7, "crop": (), "scale": (1.0, 1.0)})


def test_every_number_has_a_range() -> None:
    numbers = {f.name for f in fields(Recipe) if f.type in ("int", "float")}
    assert numbers == set(RANGES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rat": "1"}, "did you mean learning_rate"),
        ({"zzz": "1"}, "known are name"),
        ({"steps": None}, "steps missing"),
        ({"steps": "0"}, "from 1 to"),
        ({"steps": "1.5"}, "expected int"),
        ({"steps": "true"}, "expected int"),
        ({"learning_rate": "nan"}, "expected a number"),
        ({"learning_rate": "-1"}, "expected a number"),
        ({"widths": "[8, 8]"}, "seven"),
        ({"widths": "[8, 8, 8, 8, 8, 8, 0]"}, "seven"),
        ({"widths": '["8"]'}, "a list of int"),
        ({"optimizer": '"adam"'}, "one of adamw, sgd"),
        ({"schedule": '"step"'}, "one of constant, cosine"),
        ({"start": '"imagenet"'}, "batch_norm"),
        ({"scale": "[1.5, 0.5]"}, "scale"),
        ({"crop": "[8, 8]"}, "crop"),
        ({"class_weights": "[-1.0]"}, "class_weights"),
        ({"dropout": "1.0"}, "dropout"),
        ({"name": "3"}, "expected str"),
        ({"mirror": "1"}, "expected bool"),
        ({"steps": "9" * 400}, "steps = 9{200}…, expected a number from 1 to"),
        ({"steps": "9" * 5000}, "not TOML"),
        ({"steps": "0x" + "f" * 5000}, "a value too large to be shown"),
        ({"steps.x" + ".x" * 3000: "1", "steps": None}, "got steps = .*, expected int"),
        ({"learning_rate": "1" + "0" * 400}, "learning_rate = 10{199}…, which is too large"),
        ({"learning_rate": "inf"}, "expected a number"),
        ({"class_weights": f"[{'9' * 400}]"}, "class_weights"),
        ({"crop": "[" * 5000}, "not TOML"),
    ],
)
def test_refused(tmp_path: Path, changes: dict[str, str | None], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(write(tmp_path, **changes))


def test_not_a_recipe(tmp_path: Path) -> None:
    for name in ("missing.toml", "x" * 300, "nul\0"):
        with pytest.raises(RecipeError, match=r"no such file.*expected one of scenes"):
            load_recipe(tmp_path / name)
    path = tmp_path / "bad.toml"
    path.write_text("name = ")
    with pytest.raises(RecipeError, match="not TOML"):
        load_recipe(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="utf-8"):
        load_recipe(path)
    path.write_text("#" * 70_000)
    with pytest.raises(RecipeError, match="too large"):
        load_recipe(path)


def test_shipped_recipes_are_flat() -> None:
    for name in RECIPES:
        text = resources.files("fcn").joinpath("recipes", f"{name}.toml").read_text("utf-8")
        assert not any(isinstance(value, dict) for value in tomllib.loads(text).values())
