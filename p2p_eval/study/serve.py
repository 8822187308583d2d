"""One run of a study's server: it opens what it needs, answers, and leaves the votes in a file."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from sqlalchemy.exc import DBAPIError

from p2p_eval.errors import InputError, StoreError
from p2p_eval.study.access import Access, read_secret
from p2p_eval.study.database import Database
from p2p_eval.study.plan import IMAGES, Plan
from p2p_eval.study.server import Settings, application
from p2p_eval.study.votes import write_votes

__all__ = ["Study", "open_study", "read_consent"]

ANSWERS = "answers.sqlite"
VOTES = "votes.csv"
SECONDS_TO_END = 5
MAX_CONSENT = 20_000


@dataclass(frozen=True, slots=True)
class Study:
    """A study that is ready to be served.

    Attributes:
        address: Where, as ``http://127.0.0.1:8000``.
        token: Of the admin page.
    """

    address: str
    token: str
    _server: uvicorn.Server
    _socket: socket.socket

    def run(self) -> None:
        """Answer requests until the process is told to end.

        Raises:
            KeyboardInterrupt: It was told so by Ctrl+C.
        """
        self._server.run(sockets=[self._socket])


@contextmanager
def open_study(
    folder: Path,
    plan: Plan,
    *,
    out: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    database: str | None = None,
    token: str | None = None,
    keep_ids: bool = False,
    settings: Settings | None = None,
) -> Iterator[Study]:
    """Open a study's server; at the end ``OUT/votes.csv`` holds all answers, if there are any.

    Args:
        folder: Of the study.
        plan: What is in it.
        out: Folder for the answers, and for the secret that cookies are signed with.
        host: Address to listen at.
        port: 0 for any that is free.
        database: Address of the answers; None for a file in ``out``.
        token: Of the admin page; None: one is made, the same every time.
        keep_ids: Keep ids of a panel as they are.
        settings: How it behaves.

    Raises:
        InputError: An image is missing, or the address or an option cannot be used.
        StoreError: The answers cannot be kept.
    """
    for name in plan.images:
        if not (folder / IMAGES / f"{name}.png").is_file():
            raise InputError(
                f"{folder / IMAGES / name}.png: got no such file, expected all images of the plan; "
                "restore it, or design the study anew"
            )
    done_url = settings.done_url if settings else None
    if done_url is not None and not done_url.startswith(("https://", "http://")):
        raise InputError(f"got --done-url {done_url[:80]}, expected an address with https://")
    access = Access(read_secret(out), plan.hash, token, keep_ids=keep_ids)
    answers = Database(database or f"sqlite:///{out / ANSWERS}", plan)
    try:
        with _listen(host, port) as listening:
            app = application(folder, plan, answers, access, settings or Settings())
            config = uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,  # it would keep the ids of people, which stand in their links
                timeout_graceful_shutdown=SECONDS_TO_END,
                server_header=False,
            )
            bound = listening.getsockname()[1]
            shown = f"[{host}]" if ":" in host else host
            yield Study(f"http://{shown}:{bound}", access.token, uvicorn.Server(config), listening)
    finally:
        try:
            if votes := answers.votes():
                write_votes(out / VOTES, votes, plan.hash)
        except DBAPIError as error:
            raise StoreError(
                f"{out / VOTES}: was not written, as the database does not answer ({error.orig}); "
                "start and stop the study again when it does"
            ) from error
        finally:
            answers.close()


def read_consent(path: Path) -> Sequence[str]:
    """Return the paragraphs of a text that people shall agree to.

    Raises:
        InputError: It cannot be read, is empty, too long, or no UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(MAX_CONSENT + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: got no text in UTF-8 ({error}), expected the consent") from error
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    if not paragraphs or len(text) > MAX_CONSENT:
        raise InputError(f"{path}: expected a text of 1 to {MAX_CONSENT} characters")
    return paragraphs


def _listen(host: str, port: int) -> socket.socket:
    try:
        kind = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(kind[4][:2], family=kind[0], backlog=2048)
    except OSError as error:
        raise InputError(
            f"got --host {host} --port {port}, expected an address of this machine and a port that "
            f"is free ({error.strerror}); --port 0 takes any"
        ) from error
    # Connections inherit it; without it each reply waits 40 ms for an acknowledgement of its head.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
