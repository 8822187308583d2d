"""The paper's figures, typed in again from its pages, and the names that stand for its rows."""

from __future__ import annotations

import pytest

from p2p_eval.errors import InputError
from p2p_eval.tables import paper
from p2p_eval.tables.definitions import TABLES, definition

FCN = {
    "1": """L1 .42 .15 .11; GAN .22 .05 .01; cGAN .57 .22 .16; L1+GAN .64 .20 .15;
            L1+cGAN .66 .23 .17; ground truth .80 .26 .21""",
    "2": """encoder-decoder (L1) .35 .12 .08; encoder-decoder (L1+cGAN) .29 .09 .05;
            U-net (L1) .48 .18 .13; U-net (L1+cGAN) .55 .20 .14""",
    "3": "1×1 .39 .15 .10; 16×16 .65 .21 .17; 70×70 .66 .23 .17; 286×286 .42 .16 .11",
    "6": "L1 .86 .42 .35; cGAN .74 .28 .22; L1+cGAN .83 .36 .29",
    "fig7": "L1 .81 .69 .70; cGAN .87 .74 .84; L1+cGAN .86 .84 .82; PixelGAN (1×1) .83 .68 .78",
}


@pytest.mark.parametrize("key", FCN)
def test_figures_of_scores(key: str) -> None:
    expected = [line.strip().rsplit(" ", 3) for line in FCN[key].split(";")]
    rows = definition(key).rows
    assert [row.name for row in rows] == [name for name, *_ in expected]
    for row, (_, *values) in zip(rows, expected, strict=True):
        assert [figure.value for figure in row.paper] == [float(value) for value in values]
        assert all(figure.std is None for figure in row.paper)


def test_figures_of_people() -> None:
    assert paper.TABLE_4 == (("L1", (2.8, 1.0), (0.8, 0.3)), ("L1+cGAN", (6.1, 1.3), (18.9, 2.5)))
    assert [row[1] for row in paper.TABLE_5] == [(16.3, 2.4), (27.8, 2.7), (22.5, 1.6)]
    assert [row.name for row in paper.TABLE_5] == [
        "L2 regression (Zhang et al.)", "Zhang et al. 2016", "pix2pix",
    ]  # fmt: skip
    figures = [(f.value, f.std) for row in definition("4").rows for f in row.paper]
    assert figures == [(2.8, 1.0), (0.8, 0.3), (6.1, 1.3), (18.9, 2.5)]


def test_names_of_experiments() -> None:
    assert {table.key: " ".join(table.experiments) for table in TABLES} == {
        "1": "L1 GAN cGAN L1+GAN L1+cGAN ground-truth",
        "2": "encoder-decoder-L1-batch10 encoder-decoder-L1+cGAN-batch10 unet-L1-batch10 "
        "unet-L1+cGAN-batch10",
        "3": "L1+cGAN-1x1 L1+cGAN-16x16 L1+cGAN L1+cGAN-286x286",
        "4": "photo2map-L1 map2photo-L1 photo2map-L1+cGAN map2photo-L1+cGAN",
        "5": "L2-regression Zhang-2016 pix2pix",
        "6": "photo2labels-L1 photo2labels-cGAN photo2labels-L1+cGAN",
        "fig7": "L1 cGAN L1+cGAN L1+cGAN-1x1",
    }


def test_every_row_has_a_figure_and_an_experiment_for_each_column() -> None:
    for table in TABLES:
        assert len({column.key for column in table.columns}) == len(table.columns)
        for row in table.rows:
            assert len(row.paper) == len(row.experiments) == len(table.columns)


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(InputError, match=r"got table '7', expected one of 1, 2, 3, 4, 5, 6, fig7"):
        definition("7")
