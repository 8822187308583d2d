"""One thing that the doctor has found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

from fcn.errors import shown

__all__ = ["Finding", "Level", "first"]

Level: TypeAlias = Literal["error", "warning", "note"]

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """How serious, what, where and what to do.

    An ``error`` would make the score wrong or impossible; a ``warning`` makes it incomparable or
    is likely a mistake; a ``note`` is good to know. ``code`` never changes its meaning; ``where``
    names the first few files or ids.
    """

    level: Level
    code: str
    message: str
    where: tuple[str, ...] = ()
    advice: str = ""
    experiment: str = ""

    def __str__(self) -> str:
        """One line for people."""
        where = f" ({', '.join(self.where)})" if self.where else ""
        advice = f"; {self.advice}" if self.advice else ""
        name = f"{self.experiment}: " if self.experiment else ""
        line = f"{self.level}: {name}{self.message}{where}{advice} [{self.code}]"
        return shown(line).replace("\n", "\\n")


def first(names: Iterable[object]) -> tuple[str, ...]:
    """The first five names."""
    return tuple(str(name) for name in islice(names, SHOWN))
