"""How does a filled table read? Rounded texts in rows and columns, the same in every format."""

from __future__ import annotations

from dataclasses import dataclass

from fcn.errors import shown
from p2p_eval import __version__
from p2p_eval.results.findings import counted
from p2p_eval.scores.numbers import UNKNOWN, shown_number
from p2p_eval.tables.definitions import Column, PaperFigure
from p2p_eval.tables.filled import FilledRow, FilledTable, Measured, OurFigure, digest

__all__ = ["Grid", "Group", "grid"]


@dataclass(frozen=True, slots=True)
class Group:
    """The columns of one figure: the paper's, and ours by signature."""

    heading: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as texts, none of them escaped, all printable and of one line.

    Attributes:
        key: Of the table.
        label: What the paper calls it.
        title: What stands in it.
        rows_are: What a row is of.
        groups: One a figure.
        lines: Name of each row, and a text for every column of every group.
        agreement: The same for the last line, which has τ; None if there is none.
        notes: What a reader should know.
        signatures: Letter of each, empty if there is only one, and the signature.
        provenance: What the figures come from.
    """

    key: str
    label: str
    title: str
    rows_are: str
    groups: tuple[Group, ...]
    lines: tuple[tuple[str, tuple[str, ...]], ...]
    agreement: tuple[str, ...] | None
    notes: tuple[str, ...]
    signatures: tuple[tuple[str, str], ...]
    provenance: tuple[str, ...]


def grid(table: FilledTable) -> Grid:
    """Turn a filled table into texts."""
    letters = table.letters
    places = range(len(table.definition.columns))
    # In each column only the signatures that it has, so that none of its columns is empty.
    signatures = [_signatures(table, place) for place in places]
    groups = tuple(
        Group(
            column.heading,
            ("paper", *(f"ours {letters[s]}".strip() if s else "ours" for s in signatures[place])),
        )
        for place, column in enumerate(table.definition.columns)
    )
    lines = tuple(
        (
            row.name,
            tuple(text for p in places for text in _texts(table, row, p, signatures[p])),
        )
        for row in table.rows
    )
    agreement = tuple(
        text
        for place, column in enumerate(table.definition.columns)
        for text in ("", *(_agreement(table, column, s) for s in signatures[place]))
    )
    notes = table.notes
    if len(letters) > 1:
        marks = ", ".join(letters.values())
        notes = (f"Columns {marks} were made with different settings: not comparable.", *notes)
    return Grid(
        key=table.definition.key,
        label=table.definition.label,
        title=table.definition.title,
        rows_are=table.definition.rows_are,
        groups=groups,
        lines=lines,
        agreement=agreement if any(agreement) else None,
        notes=tuple(map(_line, notes)),
        signatures=tuple((letter, _line(signature)) for signature, letter in letters.items()),
        provenance=tuple(map(_line, _provenance(table))),
    )


def _signatures(table: FilledTable, place: int) -> list[str]:
    """Signatures that a column has, in the table's order; one empty text if it has none."""
    found = {cell.signature for row in table.rows if (cell := row.measured[place])}
    return [signature for signature in table.letters if signature in found] or [""]


def _texts(table: FilledTable, row: FilledRow, place: int, signatures: list[str]) -> list[str]:
    decimals, column = table.definition.decimals, table.definition.columns[place]
    measured = row.measured[place]
    ours = [
        _ours(measured.figures[column.figure], decimals)
        if measured and measured.signature == signature
        else UNKNOWN
        for signature in signatures
    ]
    return [_paper(row.paper[place], decimals), *ours]


def _paper(figure: PaperFigure, decimals: int) -> str:
    text = shown_number(figure.value, decimals)
    return text if figure.std is None else f"{text} ± {shown_number(figure.std, decimals)}"


def _ours(figure: OurFigure, decimals: int) -> str:
    """The figure with its deviation, as studies have, or else with its interval."""
    text = shown_number(figure.value, decimals)
    if figure.std is not None:
        return f"{text} ± {shown_number(figure.std, decimals)}"
    if figure.low is None or figure.high is None:
        return text
    # No brackets, which Markdown would take for a link unless each were escaped.
    return f"{text} ({shown_number(figure.low, decimals)}–{shown_number(figure.high, decimals)})"


def _agreement(table: FilledTable, column: Column, signature: str) -> str:
    for entry in table.agreements:
        if (entry.column, entry.signature) == (column.key, signature):
            return f"τ = {shown_number(entry.tau, 2)} ({len(entry.rows)} rows)"
    return ""


def _provenance(table: FilledTable) -> list[str]:
    """Experiments and seeds, protocol, version, and a digest of the score files."""
    experiments = "; ".join(map(_experiments, table.measured))
    protocol = f"protocol {table.protocol}; " if table.protocol else ""
    files = table.sources
    return [
        f"Ours: {experiments}.",
        f"p2p-eval {__version__}; {protocol}sha256 of {counted(len(files), 'score file')}: "
        f"{digest(files)}",
    ]


def _experiments(measured: Measured) -> str:
    numbers = [f"{measured.items} {measured.items_are}"]
    if measured.items_are != "trials" or len(measured.experiments) > 1:
        numbers.insert(0, counted(len(measured.experiments), "seed"))
    return f"{', '.join(measured.experiments)} ({', '.join(numbers)})"


def _line(text: str) -> str:
    """A text of one line, with what does not print escaped."""
    return " ".join(shown(text).split())
