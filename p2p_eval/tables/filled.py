"""What does a filled table hold, and how does a document say it?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from p2p_eval import __version__
from p2p_eval.scores.document import Source
from p2p_eval.scores.signature import marks
from p2p_eval.tables.definitions import Column, Definition, PaperFigure

__all__ = [
    "SCHEMA",
    "Agreement",
    "FilledRow",
    "FilledTable",
    "Interval",
    "Measured",
    "OurFigure",
    "Tables",
    "digest",
]

SCHEMA = "p2p-eval/tables/1"

HEX_DIGITS = 16


class Interval(StrEnum):
    """Where an interval comes from."""

    seeds_items = "bootstrap of seeds, then items"
    items = "bootstrap of items"
    file = "the score file's own"
    seed_range = "lowest and highest seed"
    none = "none"


@dataclass(frozen=True, slots=True)
class OurFigure:
    """One of our figures; None is not known."""

    value: float | None
    low: float | None = None
    high: float | None = None
    std: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What stands for a row: one experiment, or several that differ in the seed of training.

    Attributes:
        experiments: Their names.
        items: Frames or images of each; or trials of all.
        items_are: Which of these.
        figures: By their name in score files: the mean over experiments, and its interval.
        interval: Where the interval comes from.
        signature: Every setting that the figures depend on, the same of all experiments.
        sources: The score files that were read.
        dropped: Frames that the protocol drops, over all experiments.
    """

    experiments: tuple[str, ...]
    items: int
    items_are: str
    figures: Mapping[str, OurFigure]
    interval: Interval
    signature: str
    sources: tuple[Source, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class FilledRow:
    """A row: the paper's figures and what was measured, one of each a column."""

    name: str
    paper: tuple[PaperFigure, ...]
    measured: tuple[Measured | None, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Kendall's τ-b between the paper's figures and ours of one signature; None is not defined."""

    column: str
    signature: str
    tau: float | None
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FilledTable:
    """A table of the paper's with our figures beside.

    Attributes:
        definition: Of the table.
        protocol: Of its segmentation scores; None if it has none.
        rows: In the paper's order.
        agreements: Of each column and signature that has at least three rows.
        notes: What a reader of the figures should know.
    """

    definition: Definition
    protocol: str | None
    rows: tuple[FilledRow, ...]
    agreements: tuple[Agreement, ...]
    notes: tuple[str, ...]

    @property
    def measured(self) -> tuple[Measured, ...]:
        """What stands in it, each once, in the order of rows."""
        cells = [cell for row in self.rows for cell in row.measured if cell]
        return tuple({cell.experiments: cell for cell in cells}.values())

    @property
    def letters(self) -> dict[str, str]:
        """A letter for each signature; none where there is only one."""
        return marks(cell.signature for cell in self.measured)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The score files that were read, each once, by path."""
        found = {source.path: source for cell in self.measured for source in cell.sources}
        return tuple(found[path] for path in sorted(found))

    def to_json(self) -> dict[str, Any]:
        """Return the table's part of the document."""
        table = self.definition
        return {
            "table": table.key,
            "label": table.label,
            "title": table.title,
            "score": table.score,
            "protocol": self.protocol,
            "columns": [
                {"key": column.key, "heading": column.heading, "better": "higher"}
                for column in table.columns
            ],
            "rows": [
                {
                    "name": row.name,
                    "figures": {
                        column.key: _cell(column, paper, measured)
                        for column, paper, measured in zip(
                            table.columns, row.paper, row.measured, strict=True
                        )
                    },
                }
                for row in self.rows
            ],
            "rank_agreement": [
                {
                    "column": entry.column,
                    "signature": entry.signature,
                    "kendall_tau_b": entry.tau,
                    "rows": list(entry.rows),
                }
                for entry in self.agreements
            ],
            "notes": list(self.notes),
            "provenance": {
                "experiments": [
                    {
                        "experiments": list(cell.experiments),
                        cell.items_are: cell.items,
                        "signature": cell.signature,
                    }
                    for cell in self.measured
                ],
                "files": [{"path": s.path, "sha256": s.sha256} for s in self.sources],
                "sha256": digest(self.sources),
                "version": __version__,
            },
        }


@dataclass(frozen=True, slots=True)
class Tables:
    """Filled tables, and the options that their intervals depend on."""

    tables: tuple[FilledTable, ...]
    draws: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return the document of ``tables --json``, schema ``p2p-eval/tables/1``."""
        return {
            "schema": SCHEMA,
            "version": __version__,
            "draws": self.draws,
            "seed": self.seed,
            "tables": [table.to_json() for table in self.tables],
        }


def digest(sources: Sequence[Source]) -> str:
    """Give one digest of score files: the start of the SHA-256 of what ``sha256sum`` prints.

    ``sha256sum PATH... | sha256sum``, run in the folder of score files with the paths in order,
    gives the same digits.
    """
    lines = (f"{source.sha256}  {source.path}\n" for source in sources)
    return hashlib.sha256(b"".join(map(os.fsencode, lines))).hexdigest()[:HEX_DIGITS]


def _cell(column: Column, paper: PaperFigure, measured: Measured | None) -> dict[str, Any]:
    """One figure, the paper's and ours; null is not known."""
    result: dict[str, Any] = {"paper": paper.value, "ours": None}
    if paper.std is not None:
        result["paper_std"] = paper.std
    if measured is None:
        return result
    ours = measured.figures[column.figure]
    result["ours"] = {
        "value": ours.value,
        "low": ours.low,
        "high": ours.high,
        "interval": measured.interval.value,
        "experiments": list(measured.experiments),
        "seeds": len(measured.experiments),
        measured.items_are: measured.items,
        "signature": measured.signature,
    }
    if ours.std is not None:
        result["ours"]["std"] = ours.std
    if measured.dropped:
        result["ours"]["dropped_frames"] = measured.dropped
    return result
