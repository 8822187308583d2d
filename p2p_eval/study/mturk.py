"""A study as Mechanical Turk takes it: one page, one row a session, images for any static host.

The page is the content of an HTMLQuestion, which the service limits to 65,535 bytes with all that
it needs; the images it shows from their own address. The web interface fills ``${session}`` and
the like from the columns of ``input.csv``; :mod:`p2p_eval.study.mturk_hits` does so for the API.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from p2p_eval.errors import InputError
from p2p_eval.scores.document import read_document
from p2p_eval.scores.store import write_together
from p2p_eval.study.export import check_address, check_practice, copy_images, practice_key
from p2p_eval.study.page import STYLE, index, read_asset
from p2p_eval.study.plan import IMAGES, Plan, Session

__all__ = ["INPUT", "LAYOUT", "QUESTION", "Batch", "export_mturk", "read_batch"]

QUESTION = "question.html"
INPUT = "input.csv"
LAYOUT = "layout.json"
SCHEMA = "p2p-eval/mturk-layout/1"
VARIABLES = ("session", "plan", "trials", "practice")
SCRIPTS = ("session.js", "kept.js", "mturk.js")
MAX_QUESTION_BYTES = 65_535
MAX_INPUT_BYTES = 1 << 28
NAMESPACE = (
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/HTMLQuestion.xsd"
)
TITLE = "Which of two images is fake?"
DESCRIPTION = (
    "See {trials} pairs of images, each for a moment, and say which one was made by a computer. "
    "One person can take part once."
)
KEYWORDS = "images, photos, perception, survey, study"
ADVICE = "export the study again"

VARIABLE = re.compile(r"\$\{([^}]*)\}")
VALUE = re.compile(r"[0-9a-z -]*")
TOKEN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Batch:
    """An exported study, as the API needs it.

    Attributes:
        plan: Hash of the plan.
        title: Of the HITs, as workers see it.
        description: Of what there is to do.
        keywords: Separated by commas.
        question: The page, with variables.
        rows: The values of the variables, by session.
    """

    plan: str
    title: str
    description: str
    keywords: str
    question: str
    rows: Mapping[str, Mapping[str, str]]

    def html_question(self, session: str) -> str:
        """Return a session's page in the XML that ``CreateHIT`` takes."""
        return _html_question(self.question, self.rows[session])


def export_mturk(
    study: Path,
    plan: Plan,
    out: Path,
    *,
    image_url: str,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write ``question.html``, ``input.csv``, ``layout.json``, a README and ``images/``.

    Args:
        study: Folder of the plan.
        plan: That it holds.
        out: Where to.
        image_url: Address under which ``images/`` will be found; https.
        progress: Called with images done and images in total.

    Raises:
        InputError: The address or the plan cannot be used, or an image is missing.
        StoreError: A file could not be written.
    """
    address = check_address(image_url, "--image-url").rstrip("/")
    check_practice(plan)
    question = _question(plan, address)
    size = len(_html_question(question, _row(plan, plan.sessions[0])).encode())
    if size > MAX_QUESTION_BYTES:
        raise InputError(
            f"the page has {size} bytes, of which Mechanical Turk takes {MAX_QUESTION_BYTES}; ask "
            "for fewer trials a session"
        )
    copy_images(study, plan, out / IMAGES, progress)
    trials = len(plan.sessions[0].trials)
    layout = {
        "schema": SCHEMA,
        "plan": plan.hash,
        "title": TITLE,
        "description": DESCRIPTION.format(trials=trials),
        "keywords": KEYWORDS,
        "variables": list(VARIABLES),
        "image_url": address,
        "sessions": len(plan.sessions),
    }
    write_together(
        {
            out / QUESTION: question.encode(),
            out / INPUT: _csv([_row(plan, session) for session in plan.sessions]),
            out / LAYOUT: f"{json.dumps(layout, indent=2)}\n".encode(),
            out / "README.md": read_asset("mturk.md"),
        }
    )


def read_batch(folder: Path) -> Batch:
    """Read what :func:`export_mturk` wrote.

    Raises:
        InputError: A file is missing or too large, or a value could not have been written so.
        StoreError: ``layout.json`` is damaged.
    """
    if not (folder / LAYOUT).is_file():
        raise InputError(
            f"{folder}: got no {LAYOUT}, expected the folder that p2p-eval study export --to mturk "
            "wrote"
        )
    layout, _ = read_document(folder / LAYOUT, SCHEMA, advice=ADVICE)
    question = _read_text(folder / QUESTION, MAX_QUESTION_BYTES)
    if unknown := set(VARIABLE.findall(question)) - set(VARIABLES):
        raise InputError(
            f"{folder / QUESTION}: got the variable {min(unknown)[:40]!r}, expected "
            f"{', '.join(VARIABLES)} only; {ADVICE}"
        )
    if missing := [name for name in VARIABLES if f"${{{name}}}" not in question]:
        raise InputError(
            f"{folder / QUESTION}: got no variable ${{{missing[0]}}}, without which a page has no "
            f"session to show; {ADVICE}"
        )
    plan = layout["plan"].text()
    rows: dict[str, dict[str, str]] = {}
    reader = csv.DictReader(io.StringIO(_read_text(folder / INPUT, MAX_INPUT_BYTES)), strict=True)
    try:
        for row in reader:
            _check_row(folder / INPUT, row, plan, rows)
            rows[row["session"]] = row
    except csv.Error as error:
        raise InputError(
            f"{folder / INPUT}, line {reader.line_num}: no CSV ({error}); {ADVICE}"
        ) from error
    if len(rows) != layout["sessions"].count():
        raise InputError(
            f"{folder / INPUT}: got {len(rows)} sessions, expected {layout['sessions'].count()}; "
            f"{ADVICE}"
        )
    return Batch(
        plan=plan,
        title=layout["title"].text(),
        description=layout["description"].text(),
        keywords=layout["keywords"].text(),
        question=question,
        rows=rows,
    )


def _question(plan: Plan, address: str) -> str:
    """The page, with variables where sessions differ."""
    script = "\n".join(_without_modules(read_asset(name).decode()) for name in SCRIPTS)
    return index(
        template="mturk.html.j2",
        trials=len(plan.sessions[0].trials),
        practice=plan.practice,
        milliseconds=plan.milliseconds,
        script=base64.b64encode(script.encode()).decode(),
        stylesheet="",
        css=Markup(read_asset(STYLE).decode()),  # noqa: S704 - our own file
        image_url=address,
    )


def _without_modules(script: str) -> str:
    """A module's text so that it can stand below those it imports, in one script."""
    script = re.sub(r'^import \{[^}]*\} from "\./\w+\.js";\n', "", script, flags=re.MULTILINE)
    return re.sub(r"^export ", "", script, flags=re.MULTILINE)


def _row(plan: Plan, session: Session) -> dict[str, str]:
    return {
        "session": session.id,
        "plan": plan.hash,
        "trials": " ".join(f"{trial.left}-{trial.right}" for trial in session.trials),
        "practice": " ".join(practice_key(plan, session)),
    }


def _html_question(question: str, row: Mapping[str, str]) -> str:
    html = VARIABLE.sub(lambda found: row[found[1]], question).replace("]]>", "]]]]><![CDATA[>")
    return (
        f'<HTMLQuestion xmlns="{NAMESPACE}"><HTMLContent><![CDATA[{html}]]></HTMLContent>'
        "<FrameHeight>0</FrameHeight></HTMLQuestion>"
    )


def _csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, VARIABLES)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _check_row(
    path: Path, row: Mapping[str, str], plan: str, before: Mapping[str, Mapping[str, str]]
) -> None:
    known = set(row) == set(VARIABLES) and all(
        isinstance(value, str) and VALUE.fullmatch(value) for value in row.values()
    )
    if not known or row["plan"] != plan or not TOKEN.fullmatch(row["session"]):
        raise InputError(
            f"{path}, row {len(before) + 2}: not as it was written; {ADVICE}, and leave it as it is"
        )
    if row["session"] in before:
        raise InputError(f"{path}: got session {row['session']} twice, expected it once; {ADVICE}")


def _read_text(path: Path, limit: int) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise InputError(f"{path}: got over {limit} bytes; {ADVICE}")
        return data.decode()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {ADVICE}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: no UTF-8 text; {ADVICE}") from error
