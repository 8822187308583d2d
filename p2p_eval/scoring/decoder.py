"""What turns an image painted in label colours into a map of classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fcn.labels import LabelSet
from p2p_eval.results.colors import nearest_colors

__all__ = ["ColorDecoder"]


class ColorDecoder:
    """Gives each pixel the class whose colour is nearest in RGB; ties go to the lower train id.

    Only classes that count take part, as the paper's scores know no others: what a generator
    paints black, like the ignored parts of a label map, is the class of the darkest colour. The
    paper does not publish its decoder, so this one stands in the signature.

    It is a :class:`p2p_eval.scoring.predictor.Predictor`.

    Args:
        label_set: Its colours.

    Example:
        >>> from fcn.labels import label_set
        >>> decoder = ColorDecoder(label_set("cityscapes"))
        >>> decoder(np.full((1, 2, 3), (127, 65, 128), np.uint8))
        array([[0, 0]], dtype=uint8)
    """

    def __init__(self, label_set: LabelSet) -> None:
        """Remember the colours of the classes that count."""
        self._palette = label_set.palette

    @property
    def outputs(self) -> int:
        """Number of classes."""
        return len(self._palette)

    @property
    def identity(self) -> str:
        """The rule and the number of classes."""
        return f"nearest-rgb-{self.outputs}"

    @property
    def settings(self) -> Mapping[str, str]:
        """None besides its identity and the label set."""
        return {}

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Decode: uint8 RGB ``(H, W, 3)`` to train ids, uint8 ``(H, W)``."""
        return nearest_colors(image, self._palette)[0]
