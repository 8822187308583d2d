"""Which experiments of a folder stand for which row?"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from p2p_eval.errors import InputError
from p2p_eval.folders import natural_key
from p2p_eval.tables.definitions import Definition, definition

__all__ = ["Chosen", "assign", "not_there", "parse_chosen"]

FORM = re.compile(r"(?P<table>[^:=]+):(?P<row>[^=]+)=(?P<experiment>.+)", re.DOTALL)
SEED = re.compile(r"-seed[0-9]+")
MAX_NAMES = 20


@dataclass(frozen=True, slots=True)
class Chosen:
    """A user's word that his experiment stands for a row, which its usual name names."""

    table: str
    row: str
    experiment: str


def parse_chosen(text: str) -> Chosen:
    """Read ``TABLE:ROW=EXPERIMENT``.

    Raises:
        InputError: It has another form, or there is no such table or row.

    Example:
        >>> parse_chosen("3:L1+cGAN=my_model")
        Chosen(table='3', row='L1+cGAN', experiment='my_model')
    """
    match = FORM.fullmatch(text)
    if match is None:
        raise InputError(f"got row {text!r}, expected TABLE:ROW=EXPERIMENT, as 1:L1=my_model")
    table = definition(match["table"])
    if match["row"] not in table.experiments:
        raise InputError(
            f"got row {match['row']!r} of {table.label}, expected one of "
            f"{', '.join(table.experiments)}"
        )
    return Chosen(table.key, match["row"], match["experiment"])


def assign(
    table: Definition, there: Collection[str], chosen: Iterable[Chosen]
) -> dict[str, tuple[str, ...]]:
    """Say which experiments stand for each row of a table; several differ in their seed.

    Args:
        table: The table.
        there: Names of the experiments that have its score.
        chosen: The user's own experiments for some rows; several for one row are its seeds.

    Raises:
        InputError: An experiment that was chosen is not there, would stand for two rows or twice
            for one, or a row has experiments both with a seed in their name and without.
    """
    given: dict[str, list[str]] = {}
    for choice in chosen:
        if choice.table == table.key:
            given.setdefault(choice.row, []).append(choice.experiment)
    rows = {
        row: _chosen(table, row, given[row], there) if row in given else _usual(table, row, there)
        for row in table.experiments
    }
    _check_once(table, rows)
    return {row: names for row, names in rows.items() if names}


def _usual(table: Definition, row: str, there: Collection[str]) -> tuple[str, ...]:
    seeds = _seeds(row, there)
    if row in there and seeds:
        raise InputError(
            f"{table.label}: got the experiments {row} and {_listed(seeds)}, expected either the "
            f"one or the others for the row {row}; name it with --row {table.key}:{row}=EXPERIMENT"
        )
    return (row,) if row in there else seeds


def _chosen(
    table: Definition, row: str, experiments: Sequence[str], there: Collection[str]
) -> tuple[str, ...]:
    names: list[str] = []
    for experiment in experiments:
        found = (experiment,) if experiment in there else _seeds(experiment, there)
        if not found:
            raise InputError(
                f"{table.label}: got experiment {experiment!r} for the row {row}, which has no "
                f"score file of {table.score}; those that have one: {_listed(there)}"
            )
        names += found
    return tuple(names)


def _seeds(name: str, there: Collection[str]) -> tuple[str, ...]:
    """The experiments that are seeds of one, in order."""
    found = [n for n in there if n.startswith(name) and SEED.fullmatch(n[len(name) :])]
    return tuple(sorted(found, key=natural_key))


def _check_once(table: Definition, rows: Mapping[str, Sequence[str]]) -> None:
    """Refuse an experiment that stands for two rows, or twice for one."""
    owner: dict[str, str] = {}
    for row, names in rows.items():
        for name in names:
            if name in owner:
                raise InputError(
                    f"{table.label}: got experiment {name!r} for the rows {owner[name]} and {row}, "
                    "expected each experiment once"
                )
            owner[name] = row


def _listed(names: Collection[str]) -> str:
    """Some names as text."""
    shown = sorted(names, key=natural_key)
    more = f", and {len(shown) - MAX_NAMES} more" if len(shown) > MAX_NAMES else ""
    return (", ".join(shown[:MAX_NAMES]) or "none") + more


def not_there(table: Definition, there: Collection[str]) -> str:
    """Say which experiments of a table were looked for, and which are there."""
    return (
        f"{table.label}: got none of its rows; looked for the experiments "
        f"{', '.join(table.experiments)}, alone or with -seed<N>, found with a score file of "
        f"{table.score}: {_listed(there)}; if yours have other names, say so with "
        f"--row {table.key}:{table.experiments[0]}=EXPERIMENT"
    )
