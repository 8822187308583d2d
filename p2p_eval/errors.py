"""Every exception that ``p2p_eval`` raises on purpose; the command line turns them into exit codes.

::

    P2PEvalError
    ├── InputError       an image, a label, a folder or an option cannot be used as it is
    └── StoreError       a score file is damaged, locked by another run, or could not be written

The network's own errors (weights, label sets, training) are in :mod:`fcn.errors`.
"""

from fcn.errors import shown

__all__ = ["InputError", "P2PEvalError", "StoreError"]


class P2PEvalError(Exception):
    """Base of the kit's exceptions; its message says what, where, and what to do."""

    def __init__(self, message: object = "") -> None:
        """Take the message, with what is not printable escaped."""
        super().__init__(shown(str(message)))


class InputError(P2PEvalError):
    """An image, a label, a folder or an option cannot be used as it is."""


class StoreError(P2PEvalError):
    """A score file is damaged, locked by another run, or could not be written."""
