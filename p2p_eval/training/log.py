"""The losses of a run, as a CSV file that goes on where the checkpoint does."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from p2p_eval.errors import InputError
from p2p_eval.scores.store import write_atomic

__all__ = ["LossLog", "read_losses"]

MAX_FILE_BYTES = 1 << 28


class LossLog:
    """Means of losses over the steps between two writings.

    Args:
        path: The CSV file: ``step`` and a column a loss.
        step: Lines after this step are of a part of the run that is done again, and go.

    Attributes:
        finite: Whether every loss so far was.
    """

    def __init__(self, path: Path, step: int) -> None:
        """Read what is there."""
        self._path = path
        self._rows = [row for row in read_losses(path) if row["step"] <= step]
        self._sums: dict[str, Tensor] = {}
        self._count = 0
        self.finite = True

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Take the losses of one step; on a GPU nothing waits for it."""
        for name, loss in losses.items():
            self._sums[name] = self._sums[name] + loss if name in self._sums else loss
        self._count += 1

    def mean(self) -> dict[str, float]:
        """Return the means since the last writing."""
        if not self._sums:
            return {}
        values = (torch.stack(list(self._sums.values())) / max(1, self._count)).tolist()
        self.finite = self.finite and all(map(math.isfinite, values))
        return dict(zip(self._sums, values, strict=True))

    def write(self, step: int) -> None:
        """Write a line.

        Raises:
            StoreError: The file cannot be written.
        """
        self._rows.append({"step": step, **self.mean()})
        self._sums, self._count = {}, 0
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self._rows[-1]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "step": int(row["step"])} for row in self._rows)
        write_atomic(self._path, text.getvalue().encode())


def read_losses(path: Path) -> list[dict[str, float]]:
    """Read the lines of a losses file; none where there is no file.

    Raises:
        InputError: It is not such a file.
    """
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read(MAX_FILE_BYTES)
        rows = [
            {name: float(value) for name, value in row.items()}
            for row in csv.DictReader(io.StringIO(text))
        ]
        if any("step" not in row for row in rows):
            raise ValueError("no column step")
    except (OSError, ValueError, TypeError, AttributeError, csv.Error) as error:
        raise InputError(f"{path}: not a list of losses: {error}; remove it") from error
    return rows
