"""A study as a folder that any static host serves: no server of ours, no request to elsewhere.

A person comes by a link, ``?session=…``, or gets the session that a hash of the participant's id
picks. The answers are posted to an address that was given, or saved by the person as a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from p2p_eval.scores.store import write_together
from p2p_eval.study.export import check_address, check_practice, copy_images, practice_key
from p2p_eval.study.page import STYLE, index, read_asset
from p2p_eval.study.plan import IMAGES, Plan, Session

__all__ = ["SITE", "export_bundle"]

SITE = "site"
LINKS = "links.txt"
SCRIPTS = ("session.js", "kept.js", "static.js")


def export_bundle(
    study: Path,
    plan: Plan,
    out: Path,
    *,
    post: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write ``site/``, ready to be served, and beside it the links and a README.

    Args:
        study: Folder of the plan.
        plan: That it holds.
        out: Where to.
        post: Address that takes the answers as JSON; without one, people save them as a file.
        progress: Called with images done and images in total.

    Raises:
        InputError: The address or the plan cannot be used, or an image is missing.
        StoreError: A file could not be written.
    """
    if post is not None:
        check_address(post, "--post")
    check_practice(plan)
    site = out / SITE
    copy_images(study, plan, site / IMAGES, progress)
    files = {
        site / f"sessions/{session.id}.json": _session(plan, session) for session in plan.sessions
    }
    files |= {site / name: read_asset(name) for name in (STYLE, *SCRIPTS)}
    files[site / "study.json"] = _json(
        {"plan": plan.hash, "post": post, "sessions": [session.id for session in plan.sessions]}
    )
    files[out / LINKS] = "".join(f"?session={s.id}\n" for s in plan.sessions).encode()
    files[out / "README.md"] = read_asset("static.md")
    files[site / "index.html"] = _page(plan, post).encode()  # the last: without it there is no site
    write_together(files)


def _session(plan: Plan, session: Session) -> bytes:
    return _json(
        {
            "milliseconds": plan.milliseconds,
            "trials": [{"left": trial.left, "right": trial.right} for trial in session.trials],
            "real": practice_key(plan, session),
        }
    )


def _page(plan: Plan, post: str | None) -> str:
    return index(
        template="static.html.j2",
        trials=len(plan.sessions[0].trials),
        practice=plan.practice,
        milliseconds=plan.milliseconds,
        script="static.js",
        stylesheet=STYLE,
        policy=_policy(post),
    )


def _policy(post: str | None) -> str:
    """The Content-Security-Policy: only what lies beside the page, and where answers go."""
    there = "" if post is None else " {0.scheme}://{0.netloc}".format(urlsplit(post))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'{there}; base-uri 'none'; form-action 'none'"
    )


def _json(document: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(document, separators=(',', ':'))}\n".encode()
