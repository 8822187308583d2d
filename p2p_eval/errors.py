"""Every exception that ``p2p_eval`` raises on purpose; the command line turns them into exit codes.

::

    P2PEvalError
    ├── InputError       an image, a label, a folder or an option cannot be used as it is
    └── StoreError       a score file is damaged, locked by another run, or could not be written

The network's own errors (weights, label sets, training) are in :mod:`fcn.errors`.
"""

__all__ = ["InputError", "P2PEvalError", "StoreError"]


class P2PEvalError(Exception):
    """Base of the kit's exceptions; its message says what, where, and what to do."""


class InputError(P2PEvalError):
    """An image, a label, a folder or an option cannot be used as it is."""


class StoreError(P2PEvalError):
    """A score file is damaged, locked by another run, or could not be written."""
