"""What every image metric is to the rest of the kit: a function with a name and a signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Better", "Features", "ImageFeatures", "Measure", "Metric"]

Better = Literal["higher", "lower", "zero"]
"""Which values are better: the higher, the lower, or those nearer to zero."""

Measure = Callable[["Tensor", "Tensor"], "Tensor"]
"""Two batches of RGB images, uint8 ``(N, 3, H, W)``, to one float64 value a pair, ``(N,)``.

The first batch holds the generated images, the second the real ones.
"""


ImageFeatures = tuple["Tensor", ...]
"""What a metric needs of one image."""


@dataclass(frozen=True, slots=True)
class Features:
    """A metric in two steps, so that what it needs of a real image can be kept.

    Attributes:
        of: Images, uint8 ``(N, 3, H, W)``, to the features of each.
        distance: The features of a generated image and of a real one to a float64 scalar.
        distances: Generated images and the features of as many real ones to the distance of each
            pair, float64 ``(N,)``: the same values, made in less time.
    """

    of: Callable[[Tensor], list[ImageFeatures]]
    distance: Callable[[ImageFeatures, ImageFeatures], Tensor]
    distances: Callable[[Tensor, Sequence[ImageFeatures]], Tensor]


@dataclass(frozen=True, slots=True)
class Metric:
    """One named metric of pairs of images.

    Attributes:
        name: As ``--metrics`` takes it and files show it, such as ``ssim[rgb]``.
        better: Which direction is better.
        unit: Of the values, such as ``dB``; empty for a pure number.
        settings: Everything that changes the values, in order, for the signature.
        measure: The values of a batch of pairs.
        smallest: Fewest pixels that each side of an image must have.
        features: Where the metric has a costly part that depends on one image alone.
        of_gray: Whether it looks at MATLAB's gray alone; ``measure`` then takes that, uint8
            ``(N, 1, H, W)``, for the images as well.
    """

    name: str
    better: Better
    unit: str
    settings: Mapping[str, str]
    measure: Measure
    smallest: int = 1
    features: Features | None = field(default=None)
    of_gray: bool = False
