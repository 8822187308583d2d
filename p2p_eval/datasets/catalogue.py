"""Which data can be had, as data: what it is, under what licence, and how it is had."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CATALOGUE", "Entry"]


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
        address: Addresses, tried in order; none for what is made on the user's machine.
        sha256: Of the file at these addresses; None where there is none.
        offline: Whether it can be had without a network.
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
)
"""Every entry. Data of other people is not among them: its owners hand it out themselves."""
