"""The plan of a study: which images each session shows, and on which side the real one is.

A study's folder holds ``plan.json``, which nobody who takes part may see, and ``images/``, whose
names say nothing. Answers refer to the plan's hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["IMAGES", "PLAN", "SCHEMA", "Plan", "Session", "Side", "Trial"]

SCHEMA = "p2p-eval/study-plan/1"
PLAN = "plan.json"
IMAGES = "images"

Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Trial:
    """Two images that are shown one beside the other.

    Attributes:
        left: Name of the image on the left, without ``.png``: 32 hexadecimal digits.
        right: Of the one on the right.
        real: Where the real one is.
    """

    left: str
    right: str
    real: Side


@dataclass(frozen=True, slots=True)
class Session:
    """What one person sees.

    Attributes:
        id: 32 hexadecimal digits that say nothing.
        algorithm: Whose images are the fake ones, in all trials.
        trials: Practice first.
    """

    id: str
    algorithm: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A study.

    Attributes:
        hash: sha256 of everything else, in hexadecimal.
        seed: That sessions were drawn from.
        paired: Whether real and fake come from the same input.
        practice: Trials of each session that come first, with feedback, and do not count.
        size: Side of the images in pixels.
        milliseconds: How long each is shown.
        algorithms: Names of the experiments, in order.
        images: What each image is: path in the results, as ``L1/output/1.png``.
        sessions: All that were drawn, the algorithms in turn.
    """

    hash: str
    seed: int
    paired: bool
    practice: int
    size: int
    milliseconds: int
    algorithms: tuple[str, ...]
    images: Mapping[str, str]
    sessions: tuple[Session, ...]
