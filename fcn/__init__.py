"""FCN-8s, the scoring network of pix2pix: the network, its weights, its label sets, its training.

The package stands alone: it imports nothing of ``p2p_eval``, and torch only when a name that needs
it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fcn.labels import LABEL_SETS, LabelClass, LabelSet, label_set

if TYPE_CHECKING:
    from fcn.network import FCN8s, preprocess

__all__ = ["LABEL_SETS", "FCN8s", "LabelClass", "LabelSet", "label_set", "preprocess"]

_LAZY = {"FCN8s": "fcn.network", "preprocess": "fcn.network"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
