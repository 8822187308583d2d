"""The paper's tables with our figures beside theirs, from score files alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from p2p_eval.errors import InputError
from p2p_eval.metrics.confusion import PROTOCOLS, Protocol
from p2p_eval.scores.bootstrap import DRAWS
from p2p_eval.tables.choice import Chosen, assign, not_there
from p2p_eval.tables.definitions import TABLES, Column, Definition, definition
from p2p_eval.tables.filled import Agreement, FilledRow, FilledTable, Interval, Measured, Tables
from p2p_eval.tables.measure import measure_colors, measure_people, measure_segmentation
from p2p_eval.tables.read import (
    Algorithm,
    read_colors,
    read_segmentation,
    read_studies,
    scored_experiments,
)

__all__ = ["fill_tables"]

MIN_ROWS = 3
"""Rows that a rank agreement needs to say something."""


def fill_tables(
    out: str | Path,
    tables: Sequence[str] = (),
    *,
    rows: Iterable[Chosen] = (),
    protocol: Protocol = "paper",
    draws: int = DRAWS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Tables:
    """Fill the paper's tables from the score files of a folder; no metric is computed.

    Args:
        out: The ``--out`` of the commands that score.
        tables: Which ones, as ``1`` or ``fig7``; all that have a row by default.
        rows: Experiments that stand for rows under other names than the usual ones.
        protocol: Of FCN-scores and seg-scores.
        draws: Of the bootstrap over seeds and frames.
        seed: Of the bootstrap.
        progress: Called with rows filled, and rows in total.

    Returns:
        The tables in the order asked for; ``to_json`` gives their document.

    Raises:
        InputError: An option is out of range, a table that was asked for has no row, or experiments
            that should be seeds of one row do not fit together.
        StoreError: A score file is damaged.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"got protocol {protocol!r}, expected {' or '.join(PROTOCOLS)}")
    if draws < 1 or seed < 0:
        raise InputError(f"got draws {draws} and seed {seed}, expected 1 and 0 or more")
    wanted = [definition(key) for key in dict.fromkeys(tables)]
    rows = tuple(dict.fromkeys(rows))
    _check_asked_for(wanted, rows)
    source = _Folder(Path(out), protocol, draws, seed)
    works, missing = [], []
    for table in wanted or TABLES:
        there = source.experiments(table)
        experiments = assign(table, there, rows)
        if experiments:
            works.append((table, experiments))
        else:
            missing.append(not_there(table, there))
    if missing and (wanted or not works):
        raise InputError(f"{out}: " + "\n".join(missing))
    total = sum(len(experiments) for _, experiments in works)
    done = 0
    filled = []
    for table, experiments in works:
        measured = {}
        for row, names in experiments.items():
            measured[row] = source.measure(table, names)
            done += 1
            if progress is not None:
                progress(done, total)
        filled.append(source.fill(table, measured))
    return Tables(tuple(filled), draws, seed)


def _check_asked_for(wanted: Sequence[Definition], rows: Iterable[Chosen]) -> None:
    keys = [table.key for table in wanted]
    for row in rows:
        if keys and row.table not in keys:
            raise InputError(
                f"got an experiment for the row {row.row} of table {row.table}, which is not asked "
                f"for; expected rows of {', '.join(keys)}"
            )


class _Folder:
    """Fills tables from one folder with the same options."""

    def __init__(self, out: Path, protocol: Protocol, draws: int, seed: int) -> None:
        self.out = out
        self.protocol = protocol
        self.draws = draws
        self.seed = seed
        self._studies: dict[str, Algorithm] | None = None

    def experiments(self, table: Definition) -> Collection[str]:
        """Name what the folder holds for a table."""
        if table.score == "study":
            return self._algorithms()
        return scored_experiments(self.out, table.score)

    def fill(self, table: Definition, measured: Mapping[str, Measured]) -> FilledTable:
        """Fill a table with what was measured for its rows."""
        rows = tuple(
            FilledRow(row.name, row.paper, tuple(measured.get(name) for name in row.experiments))
            for row in table.rows
        )
        segmentation = table.score in ("fcn-score", "seg-score")
        agreements = tuple(
            agreement
            for place, column in enumerate(table.columns)
            for agreement in _agreements(rows, place, column)
        )
        return FilledTable(
            definition=table,
            protocol=self.protocol if segmentation else None,
            rows=rows,
            agreements=agreements,
            notes=(
                table.caveat,
                *_interval_notes(rows, self.draws, self.seed),
                *_item_notes(rows),
                *_agreement_notes(table, rows, agreements),
            ),
        )

    def measure(self, table: Definition, names: Sequence[str]) -> Measured:
        """Give the figures of experiments that stand for one row of a table."""
        how = {"draws": self.draws, "seed": self.seed}
        if table.score == "study":
            return measure_people([self._algorithms()[name] for name in names])
        if table.score == "color-hist":
            return measure_colors(self.out, [read_colors(self.out, name) for name in names], **how)
        scored = [read_segmentation(self.out, name, table.score, self.protocol) for name in names]
        return measure_segmentation(scored, self.protocol, **how)

    def _algorithms(self) -> dict[str, Algorithm]:
        if self._studies is None:
            self._studies = read_studies(self.out)
        return self._studies


def _agreements(rows: Sequence[FilledRow], place: int, column: Column) -> list[Agreement]:
    """Rank agreement in one column, of each signature that has enough rows."""
    groups: dict[str, list[tuple[str, float, float]]] = {}
    for row in rows:
        measured = row.measured[place]
        ours = measured.figures[column.figure].value if measured else None
        if measured and ours is not None:
            pair = (row.name, row.paper[place].value, ours)
            groups.setdefault(measured.signature, []).append(pair)
    return [
        Agreement(column.key, signature, _tau(pairs), tuple(name for name, _, _ in pairs))
        for signature, pairs in groups.items()
        if len(pairs) >= MIN_ROWS
    ]


def _tau(pairs: Sequence[tuple[str, float, float]]) -> float | None:
    """Kendall's τ-b; not defined where all figures of a side are equal."""
    from scipy.stats import kendalltau

    _, paper, ours = zip(*pairs, strict=True)
    tau = float(kendalltau(paper, ours).statistic)
    return None if math.isnan(tau) else tau


def _interval_notes(rows: Sequence[FilledRow], draws: int, seed: int) -> list[str]:
    """Say where intervals come from, and of which rows."""
    found: dict[Interval, list[str]] = {}
    items = "frames"
    for row in rows:
        for measured in row.measured:
            if measured:
                items = measured.items_are
                found.setdefault(measured.interval, []).append(row.name)
    how = f"95 % by {draws} bootstrap draws (seed {seed})"
    texts = {
        Interval.seeds_items: f"{how} of seeds, then of {items}, the same {items} for all seeds",
        Interval.items: f"{how} of {items} only: there is one seed, and nothing is said of others",
        Interval.file: (
            "± and 95 % as the study file has them"
            if items == "trials"
            else f"the score file's own, over {items} only: there is one seed, and nothing is said "
            "of others"
        ),
        Interval.seed_range: "the lowest and the highest seed",
        Interval.none: f"none, as fewer than two {items} count",
    }
    return [
        f"Intervals of {', '.join(dict.fromkeys(found[kind]))}: {text}."
        for kind, text in texts.items()
        if kind in found
    ]


def _item_notes(rows: Sequence[FilledRow]) -> list[str]:
    """Say what is odd about the frames that were counted."""
    cells = [(row.name, cell) for row in rows for cell in row.measured[:1] if cell]
    notes = []
    dropped = [
        f"{name} {cell.dropped} of {cell.items * len(cell.experiments)}"
        for name, cell in cells
        if cell.dropped
    ]
    if dropped:
        notes.append(
            "Frames that the paper's protocol drops, as the official script does without a word: "
            f"{', '.join(dropped)}; the strict protocol keeps them."
        )
    numbers = {cell.items for _, cell in cells if cell.items_are != "trials"}
    if len(numbers) > 1:
        counts = ", ".join(f"{name} {cell.items}" for name, cell in cells)
        notes.append(f"Rows are not of the same {cells[0][1].items_are}: {counts}.")
    return notes


def _agreement_notes(
    table: Definition, rows: Sequence[FilledRow], agreements: Sequence[Agreement]
) -> list[str]:
    """Say what τ is, which rows it includes, and where ties keep it from 1."""
    if not agreements:
        return []
    truth = any("ground truth" in entry.rows for entry in agreements)
    included = ", ground truth included" if truth else ""
    notes = [
        "τ: Kendall's τ-b between the paper's figures and ours, over the rows that have both and "
        f"share a signature{included}; 1 is the same order, −1 the reverse."
    ]
    tied = [
        column.heading
        for place, column in enumerate(table.columns)
        for entry in agreements
        if entry.column == column.key and _has_ties(rows, place, entry.rows)
    ]
    if tied:
        notes.append(
            f"The paper's figures of {', '.join(dict.fromkeys(tied))} have ties, so τ-b stays "
            "below 1 unless ours have the same."
        )
    return notes


def _has_ties(rows: Sequence[FilledRow], place: int, names: Collection[str]) -> bool:
    values = [row.paper[place].value for row in rows if row.name in names]
    return len(set(values)) < len(values)
