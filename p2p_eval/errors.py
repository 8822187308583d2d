"""Every exception that ``p2p_eval`` raises on purpose; the command line turns them into exit codes.

::

    P2PEvalError
    ├── InputError       an image, a label, a folder or an option cannot be used as it is
    │   └── GateError    scores cannot be compared with a baseline: all that is wrong, at once
    └── StoreError       a score file is damaged, locked by another run, or could not be written

The network's own errors (weights, label sets, training) are in :mod:`fcn.errors`.
"""

from collections.abc import Sequence

from fcn.errors import shown

__all__ = ["GateError", "InputError", "P2PEvalError", "StoreError"]


class P2PEvalError(Exception):
    """Base of the kit's exceptions; its message says what, where, and what to do."""

    def __init__(self, message: object = "") -> None:
        """Take the message, with what is not printable escaped."""
        super().__init__(shown(str(message)))


class InputError(P2PEvalError):
    """An image, a label, a folder or an option cannot be used as it is."""


class GateError(InputError):
    """Scores cannot be compared with a baseline; the gate neither passes nor fails."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Take all that is wrong, one text each."""
        self.problems = tuple(map(shown, problems))
        super().__init__("\n".join(self.problems))


class StoreError(P2PEvalError):
    """A score file is damaged, locked by another run, or could not be written."""
