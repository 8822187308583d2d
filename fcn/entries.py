"""Which weights there are, as data: where each comes from, under what licence, and its sha256."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["CATALOGUE", "Entry"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of weights.

    Attributes:
        name: What ``--weights`` takes.
        file: File name in the cache, or in the package when ``shipped``.
        urls: Addresses, tried in order.
        sha256: Of the file's content; None where its authors published none.
        size: Bytes; None where not known exactly.
        licence: As its authors state it.
        label_set: The label set whose classes it predicts.
        source: Who made it, and where that is said.
        shipped: Whether it is part of this package.
        note: What a user should know before asking for it.
    """

    name: str
    file: str
    urls: tuple[str, ...]
    sha256: str | None
    size: int | None
    licence: str
    label_set: str
    source: str
    shipped: bool
    note: str


CATALOGUE: Mapping[str, Entry] = MappingProxyType({
    "cityscapes": Entry(
        name="cityscapes",
        file="fcn-8s-cityscapes.caffemodel",
        urls=(
            "http://people.eecs.berkeley.edu/~tinghuiz/projects/pix2pix/fcn-8s-cityscapes/"
            "fcn-8s-cityscapes.caffemodel",
        ),
        sha256=None,
        size=None,
        licence="not stated by its authors",
        label_set="cityscapes",
        source="the pix2pix authors: https://github.com/phillipi/pix2pix, "
        "scripts/eval_cityscapes/download_fcn8s.sh",
        shipped=False,
        note="The network of the paper's FCN-scores, about 537 MB. The address is dead for many; "
        "https://github.com/phillipi/pix2pix/issues/211 and "
        "https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/issues/1296 are where people "
        "name other places and where one may be asked for.",
    ),
    "scenes": Entry(
        name="scenes",
        file="scenes.safetensors",
        urls=(),
        sha256="9f290e584cbd8442c0c5ce1ce58f0e4107575140db280eca37ff296746441b62",
        size=2_815_516,
        licence="MIT, as this package",
        label_set="scenes",
        source="trained by fcn.train on the procedural scenes of this package",
        shipped=True,
        note="A slim network for the demo and for tests; its scores cannot be compared with the "
        "paper's.",
    ),
})  # fmt: skip
"""Every entry by name."""
