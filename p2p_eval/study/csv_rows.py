"""Rows of a CSV file that nobody has checked: bounded, whatever a spreadsheet made of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fcn.files import read_text
from p2p_eval.errors import InputError

__all__ = ["MAX_BYTES", "CsvRows", "Row", "read_rows"]

MAX_BYTES = 100_000_000
"""Largest file that is read: some 600,000 answers."""

MAX_CELL = 1024
DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells by column, and where it stands."""

    cells: dict[str, str]
    where: str

    def text(self, column: str) -> str:
        """A cell that must hold a text.

        Raises:
            InputError: It is empty, too long, or not printable.
        """
        value = self.cells[column]
        if not (0 < len(value) <= MAX_CELL and value.isprintable()):
            raise self.error(column, f"1 to {MAX_CELL} printable characters")
        return value

    def one_of(self, column: str, *words: str) -> str:
        """A cell that must hold one of some words.

        Raises:
            InputError: It holds another.
        """
        if self.cells[column] not in words:
            raise self.error(column, " or ".join(word or "nothing" for word in words))
        return self.cells[column]

    def whole(self, column: str, least: int = 0) -> int:
        """A cell that must hold a whole number.

        Raises:
            InputError: It holds none, one below ``least``, or one of over nine digits.
        """
        value = self.cells[column]
        if not (value.isascii() and value.isdecimal() and len(value) < 10 and int(value) >= least):
            raise self.error(column, f"a whole number from {least}")
        return int(value)

    def number(self, column: str) -> float:
        """A cell that must hold a number from 0, with a point or a comma.

        Raises:
            InputError: It holds none.
        """
        value = self.cells[column]
        try:
            number = float(value.replace(",", "."))
        except ValueError:
            number = -1.0
        if not 0 <= number < 1e15:
            raise self.error(column, "a number from 0")
        return number

    def error(self, column: str, expected: str) -> InputError:
        """What to say of a cell that cannot be used."""
        value = self.cells[column]
        got = repr(value) if len(value) <= 40 else f"{value[:40]!r}…"
        return InputError(f"{self.where}, column {column}: got {got}, expected {expected}")


@dataclass(frozen=True, slots=True)
class CsvRows:
    """A CSV file: its columns, and its rows as they are asked for."""

    path: Path
    columns: tuple[str, ...]
    _lines: tuple[str, ...]
    _delimiter: str

    def require(self, *columns: str) -> None:
        """Refuse a file without some columns.

        Raises:
            InputError: It lacks one.
        """
        if missing := [column for column in columns if column not in self.columns]:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            raise InputError(
                f"{self.path}: got no column {', '.join(missing[:5])}{more}, expected "
                f"{', '.join(columns[:20])}; give the file as it was exported"
            )

    def __iter__(self) -> Iterator[Row]:
        """The rows below the header; those without any content are passed over.

        Raises:
            InputError: A row has another number of cells than the header.
        """
        reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        try:
            next(reader)
            for cells in reader:
                where = f"{self.path}, line {reader.line_num}"
                if not any(cells):
                    continue
                if len(cells) != len(self.columns):
                    raise InputError(
                        f"{where}: got {len(cells)} cells, expected {len(self.columns)} as in the "
                        "header; give the file as it was exported"
                    )
                yield Row(dict(zip(self.columns, cells, strict=True)), where)
        except csv.Error as error:
            raise _no_csv(self.path, f"line {reader.line_num}: {error}") from error


def read_rows(path: Path) -> CsvRows:
    """Open a CSV file in UTF-8; commas, semicolons or tabs stand between cells.

    A byte order mark is passed over.

    Raises:
        InputError: It cannot be read, is too large, no text, or has no header or a column twice.
    """
    try:
        text = read_text(path, MAX_BYTES)
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file; check the path") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise _no_csv(path, f"{error.reason} at byte {error.start}") from error
    except ValueError as error:
        raise InputError(
            f"{path}: got {error}, expected answers in a CSV file of at most "
            f"{MAX_BYTES // 1_000_000} MB; give the sessions in several files"
        ) from error
    lines = tuple(io.StringIO(text, newline=""))
    header = lines[0] if lines else ""
    delimiter = max(DELIMITERS, key=header.count)
    try:
        columns = tuple(
            cell.strip() for cell in next(csv.reader(lines[:1], delimiter=delimiter, strict=True))
        )
    except (csv.Error, StopIteration) as error:
        raise _no_csv(path, "it has no header") from error
    if twice := next((column for column in columns if columns.count(column) > 1), None):
        raise InputError(f"{path}: got column {twice[:80]!r} twice, expected each once")
    return CsvRows(path, columns, lines, delimiter)


def _no_csv(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path}: got no CSV file in UTF-8 ({reason}); give the file as it was exported"
    )
