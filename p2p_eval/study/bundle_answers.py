"""Votes from the files of answers that the pages of a static bundle posted or people saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from p2p_eval.errors import InputError
from p2p_eval.study.page_answers import AnswerReader, Collected, RefusedError
from p2p_eval.study.plan import Plan
from p2p_eval.study.votes import Vote

__all__ = ["SCHEMA", "read_bundle_answers"]

SCHEMA = "p2p-eval/study-answers/1"
MAX_FILES = 100_000
MAX_BYTES = 1 << 22
MAX_PERSON = 128
LATEST = 1e14
"""Milliseconds since 1970, some thousand years on."""


def read_bundle_answers(path: Path, plan: Plan) -> Collected:
    """Read the votes of a study that ``study export --to static`` made.

    Args:
        path: A folder of ``.json`` files, one a session, or one such file.
        plan: That was exported.

    Raises:
        InputError: It cannot be read, or holds no answers to this study at all. A single file that
            breaks a rule is refused and listed instead; the same answers once more are listed too.
    """
    files = _files(path)
    reader = AnswerReader(plan)
    votes: list[Vote] = []
    refused: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    for file in files:
        try:
            found = _votes(file, reader)
            key = (found[0].participant, found[0].session)
            if key in seen:
                raise RefusedError(f"the same session as in {seen[key]}")
            seen[key] = file.name
            votes += found
        except RefusedError as reason:
            refused.append(f"{file.name}: {reason}")
    if not votes:
        raise InputError(
            f"{path}: got {len(files)} files, none of which holds answers to plan {plan.hash} "
            f"({refused[0]}); give the folder of what the site posted, and by --plan the folder of "
            "the study that was exported"
        )
    return Collected(tuple(votes), tuple(refused))


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    try:
        files = sorted(found for found in path.iterdir() if found.suffix.lower() == ".json")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if not 1 <= len(files) <= MAX_FILES:
        raise InputError(
            f"{path}: got {len(files)} .json files, expected 1 to {MAX_FILES}: the answers of one "
            "session each"
        )
    return files


def _votes(file: Path, reader: AnswerReader) -> list[Vote]:
    document = _document(file)
    if document.get("schema") != SCHEMA:
        raise RefusedError(f"schema {str(document.get('schema'))[:48]!r}, expected {SCHEMA!r}")
    person, started = document.get("participant"), document.get("started")
    if not isinstance(person, str) or not 1 <= len(person) <= MAX_PERSON:
        raise RefusedError(f"participant: expected a text of 1 to {MAX_PERSON} characters")
    if isinstance(started, bool) or not isinstance(started, int) or not 0 <= started <= LATEST:
        raise RefusedError("started: expected milliseconds since 1970")
    return reader.read(
        document.get("answers", []),
        plan_hash=document.get("plan"),
        session=document.get("session"),
        person=person,
        # Someone can take a session again; the same one twice is the same answers sent twice.
        source=f"{document.get('session')}@{started}",
        order=started / 1000,
    )


def _document(file: Path) -> dict[str, Any]:
    try:
        if not file.is_file():
            raise RefusedError("no regular file")
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise RefusedError(f"cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise RefusedError(f"over {MAX_BYTES} bytes")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"no JSON ({error})") from error
    if not isinstance(document, dict):
        raise RefusedError("no JSON object")
    return document
