"""The plot of Lab histograms, like the paper's Figure 7: natural logarithms of probabilities."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from p2p_eval.metrics.color_histogram import CHANNELS, edges, merge
from p2p_eval.scoring.color_hist_report import ExperimentColors

__all__ = ["figure"]

SETTINGS = {
    "svg.hashsalt": "p2p-eval",
    "svg.fonttype": "path",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "lines.linewidth": 1.2,
}
METADATA = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
# Paul Tol's bright colours, which colour-blind people can tell apart; then dashes.
COLORS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
STYLES = ("-", "--", ":", "-.")
INCHES = (10.5, 3.6)
LEGEND_ROW = 0.2
LEGEND_COLUMNS = 4
MARGIN = 2

Counts = NDArray[np.integer]


def figure(experiments: Sequence[ExperimentColors]) -> dict[str, bytes]:
    """Draw the histograms of all experiments and of their real images.

    Three panels, L, a and b; a line breaks off where a bin is empty, as its logarithm is infinite.
    Real images that are the same for all experiments are one line.

    Args:
        experiments: One or more, of one number of bins.

    Returns:
        The contents of the files by suffix, ``svg`` and ``png``; the same bytes for the same
        histograms and version of matplotlib.
    """
    import matplotlib
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = _lines(experiments)
    legend_rows = -(-len(lines) // LEGEND_COLUMNS)
    with matplotlib.style.context(["default", SETTINGS]):
        height = INCHES[1] + LEGEND_ROW * legend_rows
        drawn = Figure(figsize=(INCHES[0], height), layout="constrained")
        FigureCanvasAgg(drawn)
        bins = experiments[0].bins
        axes = drawn.subplots(1, len(CHANNELS), sharey=True)
        for index, (channel, panel) in enumerate(zip(CHANNELS, axes, strict=True)):
            borders = edges(bins)[index]
            centres = (borders[:-1] + borders[1:]) / 2
            for label, color, style, counts in lines:
                panel.plot(
                    centres, _log_shares(counts[index], bins), style, color=color, label=label
                )
            used = np.flatnonzero(sum(merge(counts[index], bins) for *_, counts in lines))
            low, high = max(0, used[0] - MARGIN), min(bins, used[-1] + 1 + MARGIN)
            panel.set_xlim(borders[low], borders[high])
            panel.set_xlabel(channel)
            panel.set_title(f"ln P({channel})")
        axes[0].set_ylabel(f"ln of the share of pixels in each of {bins} bins")
        drawn.legend(
            *axes[0].get_legend_handles_labels(),
            loc="outside lower center",
            ncols=min(LEGEND_COLUMNS, len(lines)),
            frameon=False,
        )
        files = {}
        for suffix, metadata in METADATA.items():
            data = io.BytesIO()
            drawn.savefig(data, format=suffix, dpi=150, metadata=metadata)
            files[suffix] = data.getvalue()
    return files


def _lines(experiments: Sequence[ExperimentColors]) -> list[tuple[str, str, str, Counts]]:
    """Label, colour, style and counts of each line; the real images first, in black."""
    first = experiments[0].counts[1]
    lines = []
    if all(np.array_equal(entry.counts[1], first) for entry in experiments):
        lines.append(("ground truth", "black", "-", first))
    else:
        lines += [
            (f"real images of {entry.name}", "black", STYLES[place % len(STYLES)], entry.counts[1])
            for place, entry in enumerate(experiments)
        ]
    for place, entry in enumerate(experiments):
        turn, color = divmod(place, len(COLORS))
        lines.append((entry.name, COLORS[color], STYLES[turn % len(STYLES)], entry.counts[0]))
    return lines


def _log_shares(counts: Counts, bins: int) -> NDArray[np.float64]:
    merged = merge(counts, bins).astype(np.float64)
    shares = np.where(merged > 0, merged, np.nan) / merged.sum()
    logs: NDArray[np.float64] = np.log(shares)
    return logs
