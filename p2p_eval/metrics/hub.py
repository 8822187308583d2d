"""Files of weights in the cache that all users of torch share, each what its hash says."""

from __future__ import annotations

import sys
from http.client import HTTPException
from pathlib import Path

import torch

from fcn.files import sha256_of
from p2p_eval.errors import InputError

__all__ = ["check_sha256", "hub_file"]


def hub_file(url: str, sha256: str, *, needed_by: str, otherwise: str = "") -> Path:
    """Return a file in torch's cache, fetched if it is not there.

    Args:
        url: Where it comes from; the last part is the file's name.
        sha256: Of its content, or the beginning of that.
        needed_by: Of what the message speaks.
        otherwise: What a user can do besides putting the file there.

    Raises:
        InputError: It cannot be fetched, or is another file.
    """
    path = Path(torch.hub.get_dir(), "checkpoints", url.rsplit("/", 1)[-1])
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(
                url, str(path), hash_prefix=sha256, progress=sys.stderr.isatty()
            )
        except (OSError, RuntimeError, HTTPException) as error:
            raise InputError(
                f"{needed_by} needs {path.name}, which could not be fetched from {url} "
                f"({error}). Fetch it by hand and put it at {path}{otherwise}. The other metrics "
                "need none of it"
            ) from error
    check_sha256(path, sha256, f"delete it, and it is fetched again from {url}")
    return path


def check_sha256(path: Path, expected: str, remedy: str) -> None:
    """Refuse a file that is not the one expected.

    Raises:
        InputError: Its sha256 does not begin as expected, or it cannot be read.
    """
    try:
        found = sha256_of(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}; {remedy}") from error
    if not found.startswith(expected):
        raise InputError(f"{path}: got sha256 {found}, expected {expected}: {remedy}")
