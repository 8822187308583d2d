"""Scenes: procedurally rendered street scenes with the 19 Cityscapes classes.

A scene is a photo and a label map of 256×256 pixels that follow from a seed alone, the same bytes
on every machine. The label ids, names and colours are those of the label set ``scenes``
(:func:`fcn.label_set`). Splits are ranges of seeds, so what is held out is held out:
:data:`TRAIN_SEEDS`, :data:`VAL_SEEDS`, :data:`TEST_SEEDS`.
"""

from p2p_eval.datasets.scenes.files import TEST_SEEDS, TRAIN_SEEDS, VAL_SEEDS, first_seed, make
from p2p_eval.datasets.scenes.render import SIZE, Scene, render

__all__ = [
    "SIZE",
    "TEST_SEEDS",
    "TRAIN_SEEDS",
    "VAL_SEEDS",
    "Scene",
    "first_seed",
    "make",
    "render",
]
