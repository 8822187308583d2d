"""p2p-eval: evaluation and benchmarking of paired image-to-image translation.

Example:
    >>> import p2p_eval
    >>> p2p_eval.fcn_score.__name__
    'fcn_score'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from p2p_eval.scoring.color_hist import color_histogram
    from p2p_eval.scoring.fcn_score import fcn_score
    from p2p_eval.scoring.image_metrics import image_metrics
    from p2p_eval.scoring.seg_score import seg_score

__version__ = "0.1.0"
__all__ = ["__version__", "color_histogram", "fcn_score", "image_metrics", "seg_score"]

# Loaded at first use: scoring imports torch, and `import p2p_eval` shall not.
_LAZY = {
    "color_histogram": "p2p_eval.scoring.color_hist",
    "fcn_score": "p2p_eval.scoring.fcn_score",
    "image_metrics": "p2p_eval.scoring.image_metrics",
    "seg_score": "p2p_eval.scoring.seg_score",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
