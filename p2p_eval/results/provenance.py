"""What does a results folder say of the model that made it?

``p2p-eval generate`` leaves ``generated.json`` in its folder; other tools leave nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fcn.files import read_text

__all__ = ["PROVENANCE", "made_by", "read_facts"]

PROVENANCE = "generated.json"
MAX_FILE_BYTES = 1 << 20
MAX_LINE = 1000


def made_by(folder: Path) -> tuple[str, ...]:
    """Return a note with the signature of the model that made a results folder, if it says so."""
    line = read_facts(folder).get("signature")
    if not isinstance(line, str) or not line.isprintable() or len(line) > MAX_LINE:
        return ()
    return (f"note: made by {line}",)


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what a results folder says of how it was made; nothing where it says nothing."""
    try:
        facts = json.loads(read_text(folder / PROVENANCE, MAX_FILE_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}  # a file of that name may be anybody's
    return facts if isinstance(facts, dict) else {}
