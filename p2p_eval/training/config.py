"""Configurations: everything about a training run that changes its result, as a TOML file.

A configuration is flat: one ``key = value`` a line, the keys being the fields of :class:`Config`;
what it does not say is as in the paper.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from fcn.files import read_text
from fcn.labels import LabelSet, label_set
from fcn.settings import brief, read_toml, typed_values
from p2p_eval.datasets.tasks import TASKS
from p2p_eval.errors import InputError
from p2p_eval.models.discriminators import PATCHES, smallest_side
from p2p_eval.models.generators import DROPOUTS
from p2p_eval.models.layers import NORMS
from p2p_eval.models.losses import LOSSES, Loss

__all__ = [
    "CONFIGS",
    "GENERATORS",
    "Config",
    "config_of",
    "given_values",
    "labels_of",
    "read_config",
]

CONFIGS = (
    "paper",
    "facades",
    "maps",
    "edges",
    "night2day",
    "colorization",
    "inpainting",
    "scenes",
)
"""Names of the configurations that ship."""

GENERATORS = ("unet", "encoder-decoder", "resnet")
"""Names of the generators; ``resnet`` is the one of nine blocks of the PyTorch code."""

MAX_FILE_BYTES = 1 << 13  # dotted keys take the square of their length to read

CHOICES: Mapping[str, tuple[object, ...]] = {
    "task": tuple(TASKS),
    "loss": tuple(LOSSES),
    "generator": GENERATORS,
    "patch": PATCHES,
    "norm": NORMS,
    "dropout": DROPOUTS,
    "schedule": ("constant", "decay"),
    "test_mode": ("paper", "eval"),
    "precision": ("fp32", "tf32", "bf16"),
}

RANGES: Mapping[str, tuple[float, float]] = {
    "size": (64, 4096),
    "load_size": (64, 8192),
    "levels": (0, 12),
    "width": (1, 1024),
    "discriminator_width": (1, 1024),
    "pixel_weight": (0, 1e6),
    "learning_rate": (1e-9, 1),
    "beta1": (0, 0.9999),
    "epochs": (0, 1e6),
    "steps": (0, 1e9),
    "batch": (1, 4096),
    "seed": (0, 2**31 - 1),
    "checkpoint_every": (1, 1e9),
    "sample_every": (0, 1e9),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One training run.

    Attributes:
        task: What is translated into what; one of :data:`p2p_eval.datasets.tasks.TASKS`.
        label_set: Name or file of the label set of label maps; empty where there are none.
        loss: One of :data:`p2p_eval.models.losses.LOSSES`.
        generator: One of :data:`GENERATORS`.
        size: Side of the images that the networks see; a power of two.
        load_size: Images are first resized to this side, and a random square of ``size`` is cut
            out; equal to ``size`` for no jitter.
        mirror: Mirror half of the draws.
        levels: Layers of the encoder; 0 takes as many as bring ``size`` down to one pixel.
        width: Channels of the generator's first layer.
        discriminator_width: Channels of the discriminator's first layer.
        patch: The discriminator's receptive field in pixels.
        norm: ``batch``, ``instance`` or ``none``.
        dropout: Where the generator has it: ``paper``, ``pytorch`` or ``none``.
        bottleneck_norm: Whether the innermost layer of the encoder has a norm, too.
        pixel_weight: λ, the factor of L1 or L2.
        learning_rate: Of Adam, of both networks.
        beta1: Of Adam.
        schedule: ``constant`` as in the Torch code, or ``decay``, linearly to zero over the second
            half, as in the PyTorch code.
        epochs: Passes over the pairs, where ``steps`` is 0.
        steps: Updates of the generator.
        batch: Pairs an update.
        test_mode: How the trained generator is run: ``paper`` with dropout and the statistics of
            the image itself, or ``eval`` without dropout and with running statistics.
        precision: ``fp32``; ``tf32``, in which a GPU rounds factors of convolutions to 10 bits, as
            PyTorch does unless told otherwise; or ``bf16`` for mixed precision.
        deterministic: On a GPU, use only algorithms that give the same bits every time.
        seed: Of the initial weights, dropout, the order of the pairs and their augmentation.
        checkpoint_every: Steps between checkpoints.
        sample_every: Steps between sheets of samples; 0 for none.

    Raises:
        InputError: A value is out of range, or two do not go together.
    """

    task: str = "labels2photo"
    label_set: str = ""
    loss: str = "L1+cGAN"
    generator: str = "unet"
    size: int = 256
    load_size: int = 286
    mirror: bool = True
    levels: int = 0
    width: int = 64
    discriminator_width: int = 64
    patch: int = 70
    norm: str = "batch"
    dropout: str = "paper"
    bottleneck_norm: bool = False
    pixel_weight: float = 100.0
    learning_rate: float = 2e-4
    beta1: float = 0.5
    schedule: str = "constant"
    epochs: float = 200.0
    steps: int = 0
    batch: int = 1
    test_mode: str = "paper"
    precision: str = "fp32"
    deterministic: bool = False
    seed: int = 0
    checkpoint_every: int = 1000
    sample_every: int = 1000

    def __post_init__(self) -> None:
        """Check every value."""
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                self._refuse(name, f"one of {', '.join(map(str, choices))}")
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:  # nor is NaN
                self._refuse(name, f"a number from {low:g} to {high:g}")
        if self.size & (self.size - 1):
            self._refuse("size", "a power of two")
        if self.load_size < self.size:
            self._refuse("load_size", f"at least size = {self.size}")
        if self.levels and not 6 <= self.levels <= self.size.bit_length() - 1:
            self._refuse("levels", f"0, or 6 to {self.size.bit_length() - 1} for size {self.size}")
        if not self.steps and not self.epochs:
            self._refuse("epochs", "more than 0, or steps of more than 0")
        if self.terms.adversarial and self.size < smallest_side(self.patch):
            self._refuse(
                "patch",
                f"one for which size = {self.size} is enough: this needs "
                f"{smallest_side(self.patch)}",
            )
        if self.bottleneck_norm and self.norm != "none" and 1 << self.depth == self.size:
            # The innermost layer has one pixel, and the norm of a single value is zero.
            if self.norm == "instance":
                self._refuse("bottleneck_norm", "false with norm = 'instance', or fewer levels")
            if self.batch == 1:
                self._refuse(
                    "bottleneck_norm", "false with batch = 1, or a larger batch, or fewer levels"
                )
            if self.test_mode == "paper":
                self._refuse(
                    "bottleneck_norm",
                    "false with test_mode = 'paper', in which an image is a batch of its own; or "
                    "test_mode = 'eval', or fewer levels",
                )
        if self.generator == "resnet" and self.deterministic:
            self._refuse(
                "deterministic",
                "false with generator = 'resnet': a GPU has no deterministic "
                "gradient of its reflected borders",
            )

    def _refuse(self, name: str, expected: str) -> NoReturn:
        raise InputError(f"got {name} = {brief(getattr(self, name))}, expected {expected}")

    @property
    def depth(self) -> int:
        """Layers of the encoder."""
        return self.levels or self.size.bit_length() - 1

    @property
    def terms(self) -> Loss:
        """What the loss consists of."""
        return LOSSES[self.loss]

    def total_steps(self, pairs: int) -> int:
        """Return the number of updates for so many pairs."""
        return self.steps or max(1, round(self.epochs * pairs / self.batch))

    def as_dict(self) -> dict[str, Any]:
        """Plain values by key."""
        return asdict(self)


def read_config(name: str | Path, changes: Mapping[str, Any] = MappingProxyType({})) -> Config:
    """Return a configuration by name, or read one from a TOML file.

    Args:
        name: One of :data:`CONFIGS`, or a path.
        changes: Values that take the place of the file's.

    Raises:
        InputError: There is neither such a name nor such a file, it is not TOML, a key is unknown,
            or a value is of the wrong type or out of range.

    Example:
        >>> read_config("paper", {"loss": "L1"}).epochs
        200.0
    """
    if str(name) in CONFIGS:
        shipped = resources.files("p2p_eval.training").joinpath("configs", f"{name}.toml")
        text = shipped.read_text("utf-8")
    else:
        try:
            text = read_text(Path(name), MAX_FILE_BYTES)
        except (OSError, ValueError) as error:
            raise InputError(
                f"got configuration {str(name)!r} ({error}), expected one of "
                f"{', '.join(CONFIGS)} or a TOML file in UTF-8"
            ) from error
    values = typed_values(Config, str(name), read_toml(str(name), text, InputError), InputError)
    return Config(**{**values, **changes})


def config_of(values: Mapping[str, Any], source: str) -> Config:
    """Make a configuration of plain values that nobody has checked.

    Raises:
        InputError: A key is unknown, or a value is of the wrong type or out of range.
    """
    return Config(**typed_values(Config, source, values, InputError))


def given_values(texts: Sequence[str]) -> dict[str, Any]:
    """Read values given as ``key=value``, each as TOML has it; a bare word is a text.

    Raises:
        InputError: There is no such key, or the value is of the wrong type.

    Example:
        >>> given_values(["width=32", "loss=L1+cGAN"])
        {'width': 32, 'loss': 'L1+cGAN'}
    """
    values: dict[str, Any] = {}
    for text in texts:
        key, found, value = text.partition("=")
        if not found:
            raise InputError(f"got {text!r}, expected KEY=VALUE, as width=32")
        try:
            line = tomllib.loads(f"value = {value}")
        except (ValueError, RecursionError):
            line = {}
        plain = line["value"] if len(line) == 1 else value.strip()
        values |= typed_values(Config, "--set", {key.strip(): plain}, InputError)
    return values


def labels_of(config: Config) -> LabelSet | None:
    """Return the label set that a configuration names, if it names one.

    Raises:
        LabelSetError: There is no such label set.
    """
    return label_set(config.label_set) if config.label_set else None
