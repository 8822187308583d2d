"""The page that people take part on, and the one that its makers watch: plain files, no framework.

``session.js`` runs the trials and knows nothing of how answers travel; a module beside it does, as
``server.js`` for the server of this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from p2p_eval.templates import environment

__all__ = ["CONSENT", "SCRIPTS", "STYLE", "TITLE", "index", "read_asset", "render"]

TITLE = "Which image is fake?"
STYLE = "study.css"
SCRIPTS = ("session.js", "server.js", "admin.js")
EXPORTED = ("kept.js", "mturk.js", "static.js", "mturk.md", "static.md")
CONSENT = (
    "This is a scientific study of how real images made by a computer look. It takes about five "
    "minutes. Taking part is voluntary: you may stop at any time by closing the page.",
    "What is kept: which image you call fake in each pair, how fast, and how long the images were "
    "shown. Nothing that says who you are is kept, unless the link that invited you holds an id.",
)


def read_asset(name: str) -> bytes:
    """Return the style sheet, a script, or a text that goes with an export.

    Raises:
        KeyError: There is none of that name.
    """
    if name not in (STYLE, *SCRIPTS, *EXPORTED):
        raise KeyError(name)
    return (files(__package__) / name).read_bytes()


def index(
    *,
    trials: int,
    practice: int,
    milliseconds: int,
    script: str,
    stylesheet: str,
    title: str = TITLE,
    consent: Sequence[str] = CONSENT,
    done_url: str | None = None,
    template: str = "index.html.j2",
    **more: Any,
) -> str:
    """Return the page of the study as HTML.

    Args:
        trials: Of a session, practice included.
        practice: How many of them are practice.
        milliseconds: How long the images are shown.
        script: Address of the module that says how answers travel.
        stylesheet: Address of the style sheet.
        title: What the page is called.
        consent: Paragraphs that a person agrees to before the session.
        done_url: Where a person goes after the last answer, or None.
        template: The page, or one that extends it.
        more: What that one asks for besides.
    """
    seconds = "1 second" if milliseconds == 1000 else f"{milliseconds / 1000:g} seconds"
    return render(
        template,
        trials=trials,
        practice=practice,
        milliseconds=milliseconds,
        seconds=seconds,
        script=script,
        stylesheet=stylesheet,
        title=title,
        consent=consent,
        done_url=done_url,
        **more,
    )


def render(template: str, **values: Any) -> str:
    """Return one of the pages in ``templates/`` as HTML."""
    return environment(__package__).get_template(template).render(values)
