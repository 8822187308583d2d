"""Which rows and figures has each of the paper's tables, and which experiments stand for them?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from p2p_eval.errors import InputError
from p2p_eval.metrics.confusion import FIGURES
from p2p_eval.tables.paper import (
    AMT,
    FIGURE_7,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TABLE_5,
    TABLE_6,
    ColorRow,
    FCNRow,
)

__all__ = [
    "CHANNELS",
    "LABELLED_REAL",
    "TABLES",
    "Column",
    "Definition",
    "PaperFigure",
    "Row",
    "Score",
    "definition",
]

Score = Literal["fcn-score", "seg-score", "color-hist", "study"]

CHANNELS = ColorRow._fields[1:]
"""Of CIE Lab, as score files of colour histograms name them."""

LABELLED_REAL = "labelled_real_pct"
"""The only figure of a study."""


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """A figure as the paper prints it; only those of the studies have a deviation."""

    value: float
    std: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of a table: its key in documents, its heading, and its name in score files."""

    key: str
    heading: str
    figure: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the experiment that stands for it and the paper's figure, one of each a column."""

    name: str
    experiments: tuple[str, ...]
    paper: tuple[PaperFigure, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """One of the paper's tables.

    Attributes:
        key: What it is asked for by.
        label: What the paper calls it.
        title: What stands in it.
        rows_are: What a row is of.
        score: The score files that its figures come from.
        columns: Its figures; higher is better in all of them.
        rows: Its rows.
        caveat: What a reader who compares the figures should know.
        decimals: As the paper prints them.
    """

    key: str
    label: str
    title: str
    rows_are: str
    score: Score
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caveat: str
    decimals: int = 2

    @property
    def experiments(self) -> tuple[str, ...]:
        """Every experiment that stands for a row, in order."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.experiments))


FCN_COLUMNS = tuple(
    Column(figure, heading, figure)
    for figure, heading in zip(
        FIGURES, ("Per-pixel acc.", "Per-class acc.", "Class IOU"), strict=True
    )
)
LAB_COLUMNS = tuple(Column(channel, channel, channel) for channel in CHANNELS)
AMT_HEADING = "% labelled real"

FCN_CAVEAT = (
    "The paper's figures are of the Cityscapes validation set and the authors' FCN-8s: unless ours "
    "are too, compare the order, not the figures."
)
SEG_CAVEAT = (
    "The paper's figures are of the Cityscapes validation set, and its decoder of painted colours "
    "was never published: compare the order, not the figures."
)
COLOR_CAVEAT = (
    "The paper's figures are of the Cityscapes validation set, and it names neither the bins nor "
    "the ranges of its histograms: compare the order, not the figures."
)
AMT_CAVEAT = "The paper's figures are of other people and other images: compare the order first."


def _same(rows: Iterable[FCNRow | ColorRow], experiments: Sequence[str]) -> tuple[Row, ...]:
    """Rows of which one experiment stands for all figures."""
    return tuple(
        Row(row.name, (name,) * 3, tuple(map(PaperFigure, row[1:])))
        for row, name in zip(rows, experiments, strict=True)
    )


def _people(figure: AMT) -> PaperFigure:
    return PaperFigure(figure.labelled_real_pct, figure.std)


TABLES = (
    Definition(
        "1", "Table 1", "FCN-scores for different losses, Cityscapes labels→photos", "loss",
        "fcn-score", FCN_COLUMNS,
        _same(TABLE_1, ("L1", "GAN", "cGAN", "L1+GAN", "L1+cGAN", "ground-truth")),
        FCN_CAVEAT,
    ),
    Definition(
        "2", "Table 2",
        "FCN-scores for different generators, Cityscapes labels→photos, batch size 10",
        "generator (loss)", "fcn-score", FCN_COLUMNS,
        _same(
            TABLE_2,
            (
                "encoder-decoder-L1-batch10", "encoder-decoder-L1+cGAN-batch10",
                "unet-L1-batch10", "unet-L1+cGAN-batch10",
            ),
        ),
        FCN_CAVEAT,
    ),
    Definition(
        "3", "Table 3",
        "FCN-scores for different receptive fields of the discriminator, Cityscapes labels→photos",
        "receptive field", "fcn-score", FCN_COLUMNS,
        _same(TABLE_3, ("L1+cGAN-1x1", "L1+cGAN-16x16", "L1+cGAN", "L1+cGAN-286x286")),
        FCN_CAVEAT,
    ),
    Definition(
        "4", "Table 4", "AMT real vs fake on maps↔aerial photos", "loss", "study",
        (
            Column("photo_to_map", f"Photo→map, {AMT_HEADING}", LABELLED_REAL),
            Column("map_to_photo", f"Map→photo, {AMT_HEADING}", LABELLED_REAL),
        ),
        tuple(
            Row(
                row.name, (f"photo2map-{row.name}", f"map2photo-{row.name}"),
                (_people(row.photo_to_map), _people(row.map_to_photo)),
            )
            for row in TABLE_4
        ),
        AMT_CAVEAT, decimals=1,
    ),
    Definition(
        "5", "Table 5", "AMT real vs fake on colorization", "method", "study",
        (Column("labelled_real", AMT_HEADING, LABELLED_REAL),),
        tuple(
            Row(row.name, (name,), (_people(row.labelled_real),))
            for row, name in zip(
                TABLE_5, ("L2-regression", "Zhang-2016", "pix2pix"), strict=True
            )
        ),
        AMT_CAVEAT, decimals=1,
    ),
    Definition(
        "6", "Table 6", "Segmentation scores of photo→labels, Cityscapes", "loss", "seg-score",
        FCN_COLUMNS,
        _same(TABLE_6, ("photo2labels-L1", "photo2labels-cGAN", "photo2labels-L1+cGAN")),
        SEG_CAVEAT,
    ),
    Definition(
        "fig7", "Figure 7(d)",
        "Histogram intersection with the ground truth in CIE Lab, Cityscapes labels→photos",
        "loss", "color-hist", LAB_COLUMNS,
        _same(FIGURE_7, ("L1", "cGAN", "L1+cGAN", "L1+cGAN-1x1")),
        COLOR_CAVEAT,
    ),
)  # fmt: skip


def definition(key: str) -> Definition:
    """Give a table by its key.

    Raises:
        InputError: There is no such table.

    Example:
        >>> definition("3").experiments
        ('L1+cGAN-1x1', 'L1+cGAN-16x16', 'L1+cGAN', 'L1+cGAN-286x286')
    """
    for table in TABLES:
        if table.key == key:
            return table
    keys = ", ".join(table.key for table in TABLES)
    raise InputError(f"got table {key!r}, expected one of {keys}")
