"""Checkpoints: all that it takes to go on with a training run, in one file that appears at once.

A checkpoint holds tensors, numbers and strings only and is read with ``weights_only=True``: one
from a stranger can be wrong, but it cannot run anything.
"""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from fcn.errors import TrainingError
from fcn.files import replacing

__all__ = ["read_checkpoint", "write_checkpoint"]

KEYS = {"model", "optimizer", "rng", "step", "recipe", "data", "start"}


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint so that, killed at any moment, the file is the old one or the new one.

    Raises:
        TrainingError: The file cannot be written, the disk being full for instance.
    """
    try:
        with replacing(path) as file:
            torch.save(content, file)
    except (OSError, RuntimeError) as error:
        raise TrainingError(f"{path}: cannot be written: {error}") from error


def read_checkpoint(path: Path, *, recipe: dict[str, Any], data: str, start: str) -> dict[str, Any]:
    """Read a checkpoint of the same run.

    Args:
        path: The file.
        recipe: What the run's recipe says.
        data: The fingerprint of the run's training data.
        start: Where the run's initial weights came from.

    Raises:
        TrainingError: It is not a checkpoint, or it is one of another recipe, start or data.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise TrainingError(
            f"{path}: cannot be read as a checkpoint: {error}. Remove it to start over."
        ) from error
    if not isinstance(content, dict) or set(content) != KEYS:
        raise TrainingError(f"{path}: not a checkpoint of this program; use another --out")
    for key, ours, what in (
        ("recipe", recipe, "another recipe"),
        ("data", data, "other training data"),
        ("start", start, "other initial weights"),
    ):
        if content[key] != ours:
            raise TrainingError(
                f"{path}: the run in this folder used {what}; use another --out, or remove the "
                "file to start over"
            )
    return content
