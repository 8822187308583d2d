"""Which weights score, and with which label set: from what the user said and the file says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fcn.catalogue import CATALOGUE, locate
from fcn.labels import LABEL_SETS, LabelSet, label_set
from p2p_eval.errors import InputError

if TYPE_CHECKING:
    from fcn.weights import Weights

__all__ = ["DEFAULT_LABEL_SET", "check_outputs", "foreign_weights", "load_scorer"]

DEFAULT_LABEL_SET = "cityscapes"


def load_scorer(weights: str | Path | None, labels: str | Path | None) -> tuple[Weights, LabelSet]:
    """Load the weights and the label set that go together.

    Args:
        weights: A name of the catalogue or a file; by default the label set's weights.
        labels: A label set's name or file; by default what the weights say, else ``cityscapes``.

    Raises:
        InputError: There are no weights for the label set, or the weights name one that does not
            ship.
        fcn.errors.FCNError: The weights or the label set cannot be found or read.
    """
    from fcn.weights import load_weights

    table = None if labels is None else label_set(labels)
    if weights is None:
        weights = _weights_for(table.name if table else DEFAULT_LABEL_SET)
    loaded = load_weights(locate(weights))
    if table is not None:
        return loaded, table
    entry = CATALOGUE.get(str(weights))
    said = loaded.metadata.get("label_set") or (entry.label_set if entry else DEFAULT_LABEL_SET)
    if said not in LABEL_SETS:
        raise InputError(
            f"{loaded.path}: the weights are for the label set {said[:100]!r}, which does not "
            "ship; give its CSV file by --label-set"
        )
    return loaded, label_set(said)


def foreign_weights(weights: Weights, table: LabelSet) -> tuple[str, ...]:
    """Return a remark if the weights say that they were trained for another label set."""
    if weights.label_set in (None, table.name):
        return ()
    return (
        f"warning: the weights {weights.path.name} say that they are for the label set "
        f"{weights.label_set}; their outputs are taken for the classes of {table.name}",
    )


def check_outputs(outputs: int, table: LabelSet) -> None:
    """Refuse a network whose outputs are neither the classes nor the classes and one more.

    Raises:
        InputError: They do not fit.
    """
    if outputs not in (table.num_classes, table.num_classes + 1):
        raise InputError(
            f"the weights have {outputs} outputs, expected {table.num_classes} or "
            f"{table.num_classes + 1} for the label set {table.name}; give the --label-set that "
            "they were trained on, or other --weights"
        )


def _weights_for(name: str) -> str:
    for entry in CATALOGUE.values():
        if entry.label_set == name:
            return entry.name
    raise InputError(
        f"there are no weights for the label set {name}; give a file by --weights "
        "(python -m fcn.train makes one)"
    )
