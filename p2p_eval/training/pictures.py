"""What a run looks like while it goes on: sheets of samples, and the losses as curves."""

from __future__ import annotations

import io
from pathlib import Path
from typing import cast

import numpy as np
from torch import nn

from p2p_eval.datasets.paired import Pairs
from p2p_eval.datasets.save import save_png
from p2p_eval.datasets.tasks import TASKS
from p2p_eval.models.layers import TestMode
from p2p_eval.scores.store import write_atomic
from p2p_eval.training.config import Config
from p2p_eval.training.generate import translate
from p2p_eval.training.log import read_losses

__all__ = ["plot_losses", "sample_sheet"]

SAMPLES = 4


def sample_sheet(network: nn.Module, pairs: Pairs, config: Config, path: Path) -> None:
    """Draw the first pairs, one a row: input, what the generator makes of it, target.

    Random numbers that training goes on with are left as they are.

    Raises:
        InputError: A pair cannot be read, or the picture cannot be written.
    """
    rows, mode = [], cast(TestMode, config.test_mode)
    for number in range(min(SAMPLES, len(pairs))):
        source, target = pairs.read(number, config.size)
        generated = translate(network, TASKS[config.task], source, target, mode, seed=0)
        rows.append(np.concatenate([generated.source, generated.output, generated.target], 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_png(path, np.concatenate(rows))


def plot_losses(losses: Path, path: Path) -> None:
    """Draw a losses file as curves over steps.

    Raises:
        InputError: It is not such a file.
        StoreError: The picture cannot be written.
    """
    from matplotlib.figure import Figure

    rows = read_losses(losses)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="loss", yscale="log")
    for name in [name for name in (rows[-1] if rows else {}) if name != "step"]:
        axes.plot([row["step"] for row in rows], [row[name] for row in rows], label=name)
    if rows:
        axes.legend()
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=100)
    write_atomic(path, data.getvalue())
