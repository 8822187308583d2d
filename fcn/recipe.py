"""Recipes: everything about a training run that changes its result, as a TOML file.

A recipe is flat: one ``key = value`` a line, the keys being the fields of :class:`Recipe`. The ones
that ship lie in ``fcn/recipes``; a user's own file has the same form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from fcn.errors import RecipeError
from fcn.files import read_text
from fcn.settings import brief, parse

__all__ = ["RECIPES", "Recipe", "load_recipe"]

RECIPES = ("scenes", "camvid", "cityscapes")
"""Names of the recipes that ship."""

MAX_FILE_BYTES = 1 << 16
REQUIRED = ("name", "label_set", "widths", "steps", "learning_rate")

CHOICES = {
    "start": ("scratch", "imagenet"),
    "optimizer": ("adamw", "sgd"),
    "schedule": ("constant", "cosine"),
    "loss": ("mean", "sum"),
    "precision": ("fp32", "bf16"),
}

RANGES: Mapping[str, tuple[float, float]] = {
    "dropout": (0, 0.95),
    "photo_size": (0, 8192),
    "brightness": (0, 128),
    "contrast": (0, 0.9),
    "color": (0, 0.9),
    "learning_rate": (1e-14, 10),
    "momentum": (0, 0.9999),
    "weight_decay": (0, 1),
    "bias_factor": (0, 10),
    "warmup": (0, 10_000_000),
    "steps": (1, 10_000_000),
    "batch": (1, 1024),
    "seed": (0, 2**31 - 1),
    "validate_every": (1, 10_000_000),
    "checkpoint_every": (1, 10_000_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One training run.

    Attributes:
        name: What the run is called in messages and metadata.
        label_set: Name or file of the label set; it gives the network's number of outputs.
        widths: Channels of the five blocks of convolutions, of ``fc6_cs`` and of ``fc7_cs``.
        steps: Optimizer steps.
        learning_rate: The highest rate of the schedule.
        batch: Photos a step.
        batch_norm: Train with batch norm after every convolution; it is folded away on export.
        dropout: Chance of a zero after ``fc6_cs`` and ``fc7_cs``.
        start: ``scratch``, or ``imagenet`` for torchvision's VGG-16.
        photo_size: Photos are reduced to this square before they are upsampled to the label's
            size, as the pix2pix authors did; 0 takes them as they are.
        mirror: Mirror half of the draws.
        scale: Lowest and highest factor of a random resize.
        crop: Height and width of a random crop; none when empty.
        brightness: Largest shift, in 0-255 units.
        contrast: Largest relative change around the photo's mean.
        color: Largest relative change of one channel.
        optimizer: ``adamw`` or ``sgd``.
        momentum: Of ``sgd``.
        weight_decay: Of the weights; biases and norms have none.
        bias_factor: Learning rate of biases, as a multiple.
        schedule: After the warmup, ``constant`` or ``cosine`` down to zero.
        warmup: Steps over which the rate rises from zero.
        loss: ``mean`` over the pixels that count, or their unnormalised ``sum`` (Long et al.).
        class_weights: One factor a class; all 1 when empty.
        precision: ``fp32``, or ``bf16`` for mixed precision.
        seed: Of the initial weights, the order of the photos and their augmentation.
        validate_every: Steps between validations.
        checkpoint_every: Steps between checkpoints.

    Raises:
        RecipeError: A value is of the wrong type or out of range.
    """

    name: str
    label_set: str
    widths: tuple[int, ...]
    steps: int
    learning_rate: float
    batch: int = 1
    batch_norm: bool = True
    dropout: float = 0.5
    start: str = "scratch"
    photo_size: int = 0
    mirror: bool = True
    scale: tuple[float, ...] = (1.0, 1.0)
    crop: tuple[int, ...] = ()
    brightness: float = 0.0
    contrast: float = 0.0
    color: float = 0.0
    optimizer: str = "adamw"
    momentum: float = 0.9
    weight_decay: float = 0.0
    bias_factor: float = 1.0
    schedule: str = "cosine"
    warmup: int = 0
    loss: str = "mean"
    class_weights: tuple[float, ...] = ()
    precision: str = "fp32"
    seed: int = 0
    validate_every: int = 1000
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        """Check every value."""
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise self._error(name, value, f"one of {', '.join(choices)}")
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:  # nor is NaN
                raise self._error(name, value, f"a number from {low:g} to {high:g}")
        if len(self.widths) != 7 or not all(1 <= width <= 8192 for width in self.widths):
            raise self._error("widths", self.widths, "seven whole numbers from 1 to 8192")
        low, high = self.scale if len(self.scale) == 2 else (0.0, 0.0)
        if not 0.1 <= low <= high <= 10:
            raise self._error("scale", self.scale, "lowest and highest factor, from 0.1 to 10")
        if len(self.crop) not in (0, 2) or not all(16 <= side <= 8192 for side in self.crop):
            raise self._error("crop", self.crop, "[] or [height, width], each from 16 to 8192")
        if not all(0 <= weight <= 1000 for weight in self.class_weights):
            raise self._error("class_weights", self.class_weights, "numbers from 0 to 1000")
        if self.start == "imagenet" and self.batch_norm:
            raise self._error("batch_norm", True, "false with start = 'imagenet' (plain VGG-16)")

    def _error(self, name: str, value: object, expected: str) -> RecipeError:
        return RecipeError(f"recipe {self.name}: got {name} = {brief(value)}, expected {expected}")

    def as_dict(self) -> dict[str, Any]:
        """Plain values by key: lists for tuples, as a checkpoint and JSON hold them."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def load_recipe(name: str | Path) -> Recipe:
    """Return a recipe by name, or read one from a TOML file.

    Args:
        name: One of :data:`RECIPES`, or a path.

    Raises:
        RecipeError: There is neither such a recipe nor such a file, it is not TOML, a key is
            missing or unknown, or a value is of the wrong type or out of range.

    Example:
        >>> load_recipe("cityscapes").momentum
        0.99
    """
    if str(name) in RECIPES:
        text = resources.files("fcn").joinpath("recipes", f"{name}.toml").read_text("utf-8")
        return parse(Recipe, str(name), text, REQUIRED, RecipeError)
    path = Path(name)
    try:
        text = read_text(path, MAX_FILE_BYTES)
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"got recipe {str(name)!r} ({error}), expected one of {', '.join(RECIPES)} "
            "or a TOML file in UTF-8"
        ) from error
    return parse(Recipe, str(path), text, REQUIRED, RecipeError)
