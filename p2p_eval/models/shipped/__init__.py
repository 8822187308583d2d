"""Small generators that come with the package, trained on the embedded scenes (labels→photo)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from p2p_eval.errors import InputError

__all__ = ["SHIPPED", "shipped"]

SHIPPED = ("L1", "cGAN", "L1+cGAN")
"""The losses that they were trained with, which are their names; ``README.md`` is their card."""


def shipped(name: str) -> Path:
    """Return the file of a generator that ships.

    Raises:
        InputError: There is none of that name.

    Example:
        >>> shipped("L1+cGAN").name
        'L1+cGAN.safetensors'
    """
    if name not in SHIPPED:
        raise InputError(f"got generator {name!r}, expected one of {', '.join(SHIPPED)}")
    return Path(str(resources.files(__name__).joinpath(f"{name}.safetensors")))
