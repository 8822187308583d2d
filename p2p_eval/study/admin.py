"""What those who run a study see: progress, interim figures and the votes, behind a token."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from p2p_eval.study import page
from p2p_eval.study.access import ADMIN_SECONDS, Access
from p2p_eval.study.database import Database
from p2p_eval.study.plan import Plan
from p2p_eval.study.votes import votes_csv

__all__ = ["admin_routes", "progress"]

COOKIE = "p2p_eval_admin"


def admin_routes(plan: Plan, database: Database, access: Access) -> APIRouter:
    """Return the routes below ``/admin``."""
    router = APIRouter(prefix="/admin")

    def is_admin(request: Request) -> bool:
        return access.is_admin(request.cookies.get(COOKIE), request.headers.get("authorization"))

    def require_admin(request: Request) -> None:
        if not is_admin(request):
            raise HTTPException(
                401, "The admin token is missing or wrong.", headers={"www-authenticate": "Bearer"}
            )

    @router.get("")
    def show(request: Request) -> HTMLResponse:
        if not is_admin(request):
            return HTMLResponse(page.render("admin.html.j2", rows=None, wrong=False), 401)
        return HTMLResponse(page.render("admin.html.j2", **progress(plan, database)))

    @router.post("/login")
    async def login(request: Request) -> Response:
        form = parse_qs((await request.body()).decode(errors="replace"))
        if not access.is_token(form.get("token", [""])[0]):
            return HTMLResponse(page.render("admin.html.j2", rows=None, wrong=True), 401)
        response = RedirectResponse("/admin", 303)
        response.set_cookie(
            COOKIE,
            access.sign_admin(),
            max_age=ADMIN_SECONDS,
            path="/admin",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    @router.get("/progress.json", dependencies=[Depends(require_admin)])
    def as_json() -> dict[str, Any]:
        return progress(plan, database)

    @router.get("/votes.csv", dependencies=[Depends(require_admin)])
    def votes() -> StreamingResponse:
        return StreamingResponse(
            votes_csv(database.votes(), plan.hash),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": 'attachment; filename="votes.csv"'},
        )

    return router


def progress(plan: Plan, database: Database) -> dict[str, Any]:
    """Say how far a study is, and the rate of each algorithm over all answers that count."""
    visits = database.visits()
    votes = [vote for vote in database.votes() if not vote.practice]
    rows = []
    for name in plan.algorithms:
        begun = [visit for visit in visits if plan.sessions[visit.place].algorithm == name]
        counted = [vote.fooled for vote in votes if vote.algorithm == name]
        rows.append(
            {
                "algorithm": name,
                "sessions": sum(session.algorithm == name for session in plan.sessions),
                "begun": len(begun),
                "finished": sum(
                    visit.answered == len(plan.sessions[visit.place].trials) for visit in begun
                ),
                "answers": len(counted),
                "labelled_real_pct": 100 * sum(counted) / len(counted) if counted else None,
            }
        )
    return {
        "plan": plan.hash,
        "sessions": len(plan.sessions),
        "free": len(plan.sessions) - len(visits),
        "rows": rows,
    }
