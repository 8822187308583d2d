"""One thing that the doctor has found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fcn.errors import shown
from p2p_eval.metrics.confusion import collapse
from p2p_eval.results.direction import Direction

__all__ = ["Finding", "Level", "collapse_findings", "counted", "first", "unusable"]

Level: TypeAlias = Literal["error", "warning", "note"]

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """How serious, what, where and what to do.

    An ``error`` would make the score wrong or impossible; a ``warning`` makes it incomparable or
    is likely a mistake; a ``note`` is good to know. ``code`` never changes its meaning; ``where``
    names the first few files or ids, and nothing where all are meant.
    """

    level: Level
    code: str
    message: str
    where: tuple[str, ...] = ()
    advice: str = ""
    experiment: str = ""

    def __str__(self) -> str:
        """One line for people."""
        named = all(name in self.message for name in self.where)
        where = "" if named else f" ({', '.join(self.where)})"
        advice = f"; {self.advice}" if self.advice else ""
        name = f"{self.experiment}: " if self.experiment else ""
        line = f"{self.level}: {name}{self.message}{where}{advice} [{self.code}]"
        return shown(line).replace("\n", "\\n")


def first(names: Iterable[object]) -> tuple[str, ...]:
    """The first five names."""
    return tuple(str(name) for name in islice(names, SHOWN))


def counted(number: int, noun: str) -> str:
    """A number and its noun.

    Example:
        >>> counted(1, "image"), counted(3, "label map")
        ('1 image', '3 label maps')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def unusable(code: str, noun: str, reasons: Sequence[str], where: tuple[str, ...]) -> Finding:
    """An error about files that cannot be used; each reason names its file and what to do."""
    which = "" if len(reasons) == 1 else ", the first"
    message = f"{counted(len(reasons), noun)} cannot be used{which}: {reasons[0]}"
    return Finding("error", code, message, where)


def collapse_findings(
    joint: NDArray[np.int64], classes: Sequence[str], direction: Direction = "labels-to-photo"
) -> list[Finding]:
    """Say whether predictions are nearly all of one class where the labels are not.

    Args:
        joint: Joint counts, shape ``(num_classes, outputs)``.
        classes: Name of each class.
        direction: Whether a network predicted these from photos, or a generator painted them.
    """
    found = collapse(joint)
    if found is None:
        return []
    verb, verdict, advice = {
        "labels-to-photo": (
            "predicted as",
            "the images are not what the network was trained on",
            "usual causes: wrong images, labels that were resized, weights of another data set",
        ),
        "photo-to-labels": (
            "painted as",
            "the generator has collapsed, or the images are of other photos",
            "look at them, and at the --label-set",
        ),
    }[direction]
    message = (
        f"{found.predicted:.1%} of the pixels are {verb} {found.name(classes)}, which the "
        f"labels give to {found.labelled:.1%}: {verdict}"
    )
    return [Finding("warning", "one-class-predictions", message, advice=advice)]
