"""What every export of a study shares: its images, and the little that a page may know of the plan.

Whoever takes part can read all of it, so it never says which side of a counted trial is real.
Practice shows that after each answer, and its key may be in a page as long as its images stand in
no trial that counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from p2p_eval.errors import InputError
from p2p_eval.scores.store import store_error, write_atomic
from p2p_eval.study.plan import IMAGES, Plan, Session

__all__ = ["check_address", "check_practice", "copy_images", "practice_key"]

PNG = b"\x89PNG\r\n\x1a\n"
MAX_IMAGE_BYTES = 1 << 27

# No query, and nothing that would end an attribute, a policy or a template's variable.
ADDRESS = re.compile(
    r"(?:https://[A-Za-z0-9.-]+|http://(?:localhost|127\.0\.0\.1))(?::[0-9]{1,5})?"
    r"(?:/[A-Za-z0-9._~%+@=-]*)*"
)


def check_address(address: str, option: str) -> str:
    """Return an address that may stand in a page.

    Raises:
        InputError: It is no plain https address (http: on this machine only).
    """
    if len(address) > 1000 or not ADDRESS.fullmatch(address):
        raise InputError(
            f"{option}: got {address[:120]!r}, expected an address such as "
            "https://example.org/study (http:// for this machine only), without spaces, quotes or ?"
        )
    return address


def check_practice(plan: Plan) -> None:
    """Refuse a plan whose practice would give away an image that counts.

    Raises:
        InputError: An image stands in practice and in a counted trial, of whatever sessions.
    """
    practice: set[str] = set()
    counted: set[str] = set()
    for session in plan.sessions:
        for number, trial in enumerate(session.trials):
            (practice if number < plan.practice else counted).update((trial.left, trial.right))
    if both := practice & counted:
        raise InputError(
            f"the plan: got {len(both)} images in practice that count in other trials, expected "
            "none, as the page knows the answers to practice; design the study anew"
        )


def practice_key(plan: Plan, session: Session) -> list[str]:
    """Where the real image is, in the trials of practice only."""
    return [trial.real for trial in session.trials[: plan.practice]]


def copy_images(
    study: Path, plan: Plan, folder: Path, progress: Callable[[int, int], None] | None = None
) -> None:
    """Copy the images of a plan, and no other file, into a folder.

    Args:
        study: Folder of the plan, which holds ``images/``.
        plan: That it holds.
        folder: Where to; made if it is missing.
        progress: Called with images done and images in total.

    Raises:
        InputError: An image is missing or no PNG, or the folder holds those of another study.
        StoreError: A file could not be written.
    """
    names = sorted({name for s in plan.sessions for t in s.trials for name in (t.left, t.right)})
    if folder.is_dir():
        expected = {f"{name}.png" for name in names}
        if strays := sorted(path.name for path in folder.glob("*") if path.name not in expected):
            raise InputError(
                f"{folder}: got {strays[0]!r}, which is none of this study's images; remove the "
                "folder, or choose another --out"
            )
    for done, name in enumerate(names, 1):
        write_atomic(folder / f"{name}.png", _image(study / IMAGES / f"{name}.png"))
        if progress is not None:
            progress(done, len(names))


def _image(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_IMAGE_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: there is no such image, though the plan shows it; design the study anew"
        ) from error
    except OSError as error:
        raise store_error(path, error) from error
    if not data.startswith(PNG) or len(data) > MAX_IMAGE_BYTES:
        raise InputError(
            f"{path}: no PNG of at most {MAX_IMAGE_BYTES} bytes; design the study anew"
        )
    return data
