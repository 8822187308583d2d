"""Which data can be had, as data: what it is, under what licence, and how it is had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from p2p_eval.errors import InputError

__all__ = ["CATALOGUE", "Entry", "entry_named"]

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Entry:
    """One data set or kind of data.

    Attributes:
        name: Of the data.
        what: What it consists of.
        licence: Of the files.
        command: How to have it.
        label_set: The label set of its label maps, where it has any.
        note: What a user should know before asking for it.
        address: Addresses of the archive, tried in order; none for what is not downloaded.
        sha256: Of the file at these addresses; None where its publisher gives none.
        offline: Whether it can be had without a network.
        size: About how many bytes the archive has.
        splits: Folders in the archive and how many images each holds; None where not known.
        sides: What stands on the left, A, and on the right, B, of each image.
        direction: Which side the paper translates into which.
    """

    name: str
    what: str
    licence: str
    command: str
    label_set: str | None
    note: str
    address: tuple[str, ...] = ()
    sha256: str | None = None
    offline: bool = True
    size: int | None = None
    splits: tuple[tuple[str, int | None], ...] = ()
    sides: tuple[str, str] | None = None
    direction: Literal["AtoB", "BtoA", "both"] | None = None

    @property
    def most_archive_bytes(self) -> int:
        """More is not downloaded."""
        return (self.size or GIB) * 5 // 4

    @property
    def most_bytes(self) -> int:
        """More is not unpacked: the images are JPEGs, which no archive makes much smaller."""
        return (self.size or GIB) * 2

    @property
    def most_images(self) -> int:
        """More are not unpacked; room for splits whose number is not known, and to count."""
        return 2 * sum(count or 0 for _, count in self.splits) or 1000


def entry_named(name: str) -> Entry:
    """Return the entry of a name.

    Raises:
        InputError: There is none.
    """
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    raise InputError(
        f"got data {name!a}, expected one of {', '.join(entry.name for entry in CATALOGUE)}"
    )


def _archive(name: str) -> tuple[str, ...]:
    """Where the pix2pix authors have published an archive, the newer place first."""
    return (
        f"https://efrosgans.eecs.berkeley.edu/pix2pix/datasets/{name}.tar.gz",
        f"https://people.eecs.berkeley.edu/~tinghuiz/projects/pix2pix/datasets/{name}.tar.gz",
        f"http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/{name}.tar.gz",
    )


NOT_STATED = "not stated by the publisher; the photos' owners' rights apply"
PUBLISHED = "Address as published by the authors; not verified from here."

CATALOGUE = (
    Entry(
        name="scenes",
        what="rendered street scenes: photos and label maps, 256×256 PNG",
        licence="MIT, as this package",
        command="p2p-eval data make scenes --split test --count 100 --out scenes/test",
        label_set="scenes",
        note="Rendered on this machine, the same pixels from the same seeds; train, val and test "
        "are ranges of seeds.",
    ),
    Entry(
        name="controls",
        what="results folders of known order made of any photos: themselves, blurred, gray, "
        "colour-averaged, shuffled",
        licence="that of the photos",
        command="p2p-eval data make controls --photos scenes/test/photos --out controls",
        label_set=None,
        note="A score that does not put the photos first is not to be trusted.",
    ),
    Entry(
        name="facades",
        what="side-by-side JPEGs of facades and their labels in colours, 2 × 256×256",
        licence="not stated by the publisher of this archive; made of the CMP Facade Database, "
        "CC BY-SA as far as known: see https://cmp.felk.cvut.cz/~tylecr1/facade/",
        command="p2p-eval data get facades",
        label_set="facades",
        note=PUBLISHED,
        address=_archive("facades"),
        offline=False,
        size=29 * MIB,
        splits=(("train", 400), ("val", 100), ("test", 106)),
        sides=("photo", "labels"),
        direction="BtoA",
    ),
    Entry(
        name="maps",
        what="side-by-side JPEGs of aerial photos and maps, scraped from Google Maps, 2 × 600×600",
        licence=NOT_STATED,
        command="p2p-eval data get maps",
        label_set=None,
        note=PUBLISHED,
        address=_archive("maps"),
        offline=False,
        size=239 * MIB,
        splits=(("train", 1096), ("val", 1098)),
        sides=("aerial photo", "map"),
        direction="both",
    ),
    Entry(
        name="edges2shoes",
        what="side-by-side JPEGs of shoes' edges and photos of UT Zappos50K, 2 × 256×256",
        licence=NOT_STATED,
        command="p2p-eval data get edges2shoes",
        label_set=None,
        note=PUBLISHED,
        address=_archive("edges2shoes"),
        offline=False,
        size=2 * GIB,
        splits=(("train", 49_825), ("val", 200)),
        sides=("edges", "photo"),
        direction="AtoB",
    ),
    Entry(
        name="edges2handbags",
        what="side-by-side JPEGs of handbags' edges and photos of the iGAN project, 2 × 256×256",
        licence=NOT_STATED,
        command="p2p-eval data get edges2handbags",
        label_set=None,
        note=f"{PUBLISHED} The paper says 137 thousand training images, the archive has 138,567.",
        address=_archive("edges2handbags"),
        offline=False,
        size=8 * GIB,
        splits=(("train", 138_567), ("val", 200)),
        sides=("edges", "photo"),
        direction="AtoB",
    ),
    Entry(
        name="night2day",
        what="side-by-side JPEGs of webcams by night and by day, of the Transient Attributes "
        "data set",
        licence=NOT_STATED,
        command="p2p-eval data get night2day",
        label_set=None,
        note=f"{PUBLISHED} The paper translates day to night. How many images val and test hold "
        "is not checked.",
        address=_archive("night2day"),
        offline=False,
        size=19 * GIB // 10,
        splits=(("train", 17_823), ("val", None), ("test", None)),
        sides=("night", "day"),
        direction="BtoA",
    ),
    Entry(
        name="cityscapes",
        what="side-by-side JPEGs of Cityscapes photos and labels in colours, 2 × 256×256",
        licence="Cityscapes terms: no commercial use, no passing on; see "
        "https://www.cityscapes-dataset.com/license/",
        command="p2p-eval data get cityscapes",
        label_set="cityscapes",
        note=f"{PUBLISHED} The authors' newer download script leaves it out because of the "
        "licence, so it may be gone; make it from cityscapes-original then, with "
        "datasets/prepare_cityscapes_dataset.py of pytorch-CycleGAN-and-pix2pix.",
        address=_archive("cityscapes"),
        offline=False,
        size=99 * MIB,
        splits=(("train", 2975), ("val", 500)),
        sides=("photo", "labels"),
        direction="BtoA",
    ),
    Entry(
        name="cityscapes-original",
        what="the original Cityscapes tree, leftImg8bit/ and gtFine/, PNG, 2048×1024",
        licence="Cityscapes terms: no commercial use, no passing on; see "
        "https://www.cityscapes-dataset.com/license/",
        command="by hand: register at https://www.cityscapes-dataset.com, download "
        "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip, unpack both into one folder",
        label_set="cityscapes",
        note="What --cityscapes takes. It needs an account, so that no program can fetch it.",
        offline=False,
        splits=(("train", 2975), ("val", 500)),
    ),
    Entry(
        name="colorization",
        what="pairs of a gray photo and itself in colours, made of any photos",
        licence="that of the photos",
        command="any folder of colour photos",
        label_set=None,
        note="The paper takes the 1.2 million training images of ImageNet, which need an account "
        "at https://image-net.org.",
    ),
    Entry(
        name="inpainting",
        what="Paris StreetView: 14,900 training photos of streets",
        licence="handed out by its owner for research, on request",
        command="by hand: ask the authors of Context Encoders, "
        "https://github.com/pathak22/context-encoder",
        label_set=None,
        note="Not to be had by download, and not to be passed on.",
        offline=False,
    ),
)
"""Every entry. Data of other people is fetched from them, and never shipped."""
