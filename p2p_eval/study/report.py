"""What a study found, as figures and as a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from p2p_eval.scoring.run import known
from p2p_eval.study.exclusions import RULES, Excluded

__all__ = ["SCHEMA", "AlgorithmRate", "Contrast", "ImageRate", "StudyReport"]

SCHEMA = "p2p-eval/study/1"


@dataclass(frozen=True, slots=True)
class Contrast:
    """How far two rates are apart, in percentage points.

    Attributes:
        a: The first rate, in per cent, or NaN where there is none.
        b: The second.
        low: Lower end of the 95 % interval of ``a - b``, by the bootstrap of people and trials;
            NaN where it is not known.
        high: Upper end.
        p: Two-sided, by the same draws; NaN where it is not known.
    """

    a: float
    b: float
    low: float
    high: float
    p: float

    @property
    def difference(self) -> float:
        """``a - b``."""
        return self.a - self.b

    def to_json(self, a: str, b: str) -> dict[str, Any]:
        """Return the entry of the document; ``a`` and ``b`` say what the rates are of."""
        return {
            f"{a}_pct": known(self.a),
            f"{b}_pct": known(self.b),
            "difference": known(self.difference),
            "ci95": [known(self.low), known(self.high)],
            "p": known(self.p),
        }


@dataclass(frozen=True, slots=True)
class ImageRate:
    """How often one generated image was taken for real."""

    image: str
    fooled: int
    trials: int

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the document."""
        return {"image": self.image, "fooled": self.fooled, "trials": self.trials}


@dataclass(frozen=True, slots=True)
class AlgorithmRate:
    """How often people took an algorithm's images for real.

    Attributes:
        name: Of the algorithm.
        fooled: Trials in which the generated image was called real.
        trials: Trials that count and were answered.
        unset: Trials that count and were not; they are no answers, and not in ``trials``.
        participants: Who gave the answers.
        std: Standard deviation of the paper's bootstrap, in percentage points.
        low: Lower end of the 95 % interval over people, in per cent; NaN where it is not known.
        high: Upper end.
        side: Rates with the real image on the left, and on the right.
        time: Rates in the second half of each session, and in the first.
        images: All generated images, the most convincing first.
        signature: Every setting that the figures depend on.
    """

    name: str
    fooled: int
    trials: int
    unset: int
    participants: int
    std: float
    low: float
    high: float
    side: Contrast
    time: Contrast
    images: tuple[ImageRate, ...]
    signature: str

    @property
    def labelled_real_pct(self) -> float:
        """Trials in which the generated image was called real, in per cent."""
        return 100 * self.fooled / self.trials

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the document; what is not known is null."""
        return {
            "name": self.name,
            "labelled_real_pct": self.labelled_real_pct,
            "bootstrap_std": known(self.std),
            "ci95": [known(self.low), known(self.high)],
            "participants": self.participants,
            "trials": self.trials,
            "fooled": self.fooled,
            "unset": self.unset,
            "side": self.side.to_json("real_left", "real_right"),
            "time": self.time.to_json("second_half", "first_half"),
            "images": [image.to_json() for image in self.images],
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class StudyReport:
    """A study.

    Attributes:
        algorithms: By name.
        differences: Between each two of them.
        excluded: Sessions that do not count.
        plans: Hashes of the plans that were answered.
        notes: What a reader of the figures should know.
    """

    algorithms: tuple[AlgorithmRate, ...]
    differences: Mapping[tuple[str, str], Contrast]
    excluded: tuple[Excluded, ...]
    plans: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """The notes that nobody should miss."""
        return [note for note in self.notes if note.startswith("warning: ")]

    @property
    def left_out(self) -> list[str]:
        """Every session that does not count, as a line."""
        return [
            f"session {entry.session} of {entry.participant} ({', '.join(entry.algorithms)}, "
            f"{entry.answers} answers): {', '.join(entry.rules)}"
            for entry in self.excluded
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``study analyze --json``, schema ``p2p-eval/study/1``."""
        return {
            "schema": SCHEMA,
            "algorithms": [entry.to_json() for entry in self.algorithms],
            "differences": [
                {"a": a, "b": b, **contrast.to_json("a", "b")}
                for (a, b), contrast in self.differences.items()
            ],
            "excluded": [entry.to_json() for entry in self.excluded],
            "rules": RULES,
            "plans": list(self.plans),
            "notes": list(self.notes),
        }
