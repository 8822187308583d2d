"""The server of a study: what it answers to participants. :mod:`.admin` has what admins see.

The page asks for a session, loads its images, and posts one answer after another; each is on the
disk before it is acknowledged, and that comes before the next pair is shown. What is not known
here, as tokens of images, is looked up in the plan: no path is made of what a client sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Cookie, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from p2p_eval.study import page
from p2p_eval.study.access import Access, RateLimit
from p2p_eval.study.admin import admin_routes
from p2p_eval.study.database import Answer, Conflict, Database, Full, Visit
from p2p_eval.study.guard import Guard
from p2p_eval.study.plan import IMAGES, Plan

__all__ = ["Settings", "application"]

COOKIE = "p2p_eval_visit"
COOKIE_SECONDS = 30 * 24 * 3600
DAY_MS = 86_400_000.0

Milliseconds = Annotated[float, Field(ge=0, le=DAY_MS, allow_inf_nan=False)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("expected printable characters")
    return text


PanelId = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
"""Kept as it is where that is asked for; what :mod:`.votes` could not read again is refused."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the server behaves.

    Attributes:
        title: Of the page.
        consent: Paragraphs that a person agrees to.
        done_url: Where a person goes after the last answer, or None.
        rate: Requests a second of one client, which may be many people behind one address.
        burst: Requests of one client at once.
    """

    title: str = page.TITLE
    consent: Sequence[str] = page.CONSENT
    done_url: str | None = None
    rate: float = 500.0
    burst: float = 30_000.0


class _Begin(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    participant: PanelId | None = None
    agreed: bool


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    plan: Annotated[str, Field(max_length=64)]
    session: Annotated[str, Field(max_length=32)]
    trial: Annotated[int, Field(ge=1, le=1_000_000)]
    answer: Literal["left", "right"]
    response_ms: Milliseconds
    shown_ms: Annotated[list[Milliseconds], Field(min_length=2, max_length=2)]
    dropped_frames: Annotated[int, Field(ge=0, le=1_000_000)]
    lost_focus: bool
    seen_before: Annotated[int, Field(ge=0, le=1_000_000)]

    def kept(self) -> Answer:
        left, right = self.shown_ms
        return Answer(
            self.trial,
            self.answer,
            self.response_ms,
            (left, right),
            self.dropped_frames,
            self.lost_focus,
            self.seen_before,
        )


def application(
    folder: Path, plan: Plan, database: Database, access: Access, settings: Settings
) -> FastAPI:
    """Return the application that serves a study.

    Args:
        folder: Of the study, which holds the images.
        plan: What is in it.
        database: Where answers are kept.
        access: Who may do what.
        settings: How it behaves.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, limit=RateLimit(settings.rate, settings.burst))
    app.include_router(admin_routes(plan, database, access))
    app.exception_handler(RequestValidationError)(_malformed)
    app.add_exception_handler(DBAPIError, _unavailable)
    app.add_exception_handler(PoolTimeoutError, _unavailable)
    allowed = [
        frozenset(token for trial in session.trials for token in (trial.left, trial.right))
        for session in plan.sessions
    ]
    first = plan.sessions[0]
    html = page.index(
        trials=len(first.trials),
        practice=plan.practice,
        milliseconds=plan.milliseconds,
        script="/server.js",
        stylesheet="/study.css",
        title=settings.title,
        consent=settings.consent,
        done_url=settings.done_url,
    )

    @app.get("/")
    async def index() -> HTMLResponse:
        return HTMLResponse(html)

    _serve_assets(app)

    @app.post("/api/session")
    def begin(
        body: _Begin,
        request: Request,
        response: Response,
        cookie: Annotated[str | None, Cookie(alias=COOKIE)] = None,
    ) -> dict[str, Any]:
        if body.participant is None:
            participant = access.new_participant()
            known = access.read_visit(cookie)
            visit = None if known is None else database.visit(known[0])
        else:
            participant = access.participant(body.participant)
            visit = database.find(participant)
        if visit is None and not body.agreed:
            return {}
        try:
            visit = visit or database.begin(participant)
        except Full:
            raise HTTPException(
                410, "All sessions of this study are taken. Thank you for your interest."
            ) from None
        response.set_cookie(
            COOKIE,
            access.sign_visit(visit.id, visit.place),
            max_age=COOKIE_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return _session(plan, visit)

    @app.post("/api/answers")
    def answer(
        body: _Record, cookie: Annotated[str | None, Cookie(alias=COOKIE)] = None
    ) -> Response:
        visit, place = _known(access, cookie)
        session = plan.sessions[place]
        if body.plan != plan.hash or body.session != session.id:
            raise HTTPException(403, "This answer is of another study or session; reload the page.")
        if body.trial > len(session.trials):
            raise HTTPException(409, f"The session has {len(session.trials)} trials.")
        try:
            database.keep(visit, body.kept())
        except Conflict as conflict:
            if conflict.next is None:
                raise HTTPException(403, str(conflict)) from None
            return JSONResponse({"detail": str(conflict), "next": conflict.next}, 409)
        if body.trial > plan.practice:
            return JSONResponse({})
        return JSONResponse({"correct": body.answer != session.trials[body.trial - 1].real})

    @app.get("/images/{token}.png")
    def image(token: str, cookie: Annotated[str | None, Cookie(alias=COOKIE)] = None) -> Response:
        _, place = _known(access, cookie)
        if token not in allowed[place]:
            raise HTTPException(404, "There is no such image in your session.")
        return Response(
            (folder / IMAGES / f"{token}.png").read_bytes(),
            media_type="image/png",
            headers={"cache-control": "private, max-age=86400, immutable"},
        )

    return app


def _serve_assets(app: FastAPI) -> None:
    def add(name: str, kind: str) -> None:
        content = page.read_asset(name)

        async def asset() -> Response:
            return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

        app.add_api_route(f"/{name}", asset)

    add(page.STYLE, "text/css")
    for name in page.SCRIPTS:
        add(name, "text/javascript")

    @app.get("/favicon.ico")
    async def icon() -> Response:
        return Response(status_code=204)


def _session(plan: Plan, visit: Visit) -> dict[str, Any]:
    """What the page may know of a session: not which images are real."""
    session = plan.sessions[visit.place]
    return {
        "plan": plan.hash,
        "id": session.id,
        "trials": [{"left": trial.left, "right": trial.right} for trial in session.trials],
        "practice": plan.practice,
        "milliseconds": plan.milliseconds,
        "start": visit.answered + 1,
    }


def _known(access: Access, cookie: str | None) -> tuple[str, int]:
    known = access.read_visit(cookie)
    if known is None:
        raise HTTPException(403, "You have no session of this study; reload the page.")
    return known


async def _malformed(_request: Request, error: RequestValidationError) -> Response:
    """Say which fields are wrong, and repeat nothing of what was sent."""
    fields = sorted({".".join(map(str, entry["loc"]))[:80] for entry in error.errors()})
    return JSONResponse({"detail": f"The request cannot be used: {', '.join(fields[:10])}."}, 422)


async def _unavailable(_request: Request, _error: Exception) -> Response:
    """The database does not answer; nothing was acknowledged, and the page tries again."""
    return JSONResponse({"detail": "The answers cannot be kept at the moment."}, 503)
