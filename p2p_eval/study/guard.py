"""What stands before every route: limits on requests and bodies, and headers on what goes out."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from p2p_eval.study.access import RateLimit

__all__ = ["MAX_BODY", "Guard"]

MAX_BODY = 8192
"""Most bytes that a request may bring."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """An application with limits and headers around another."""

    def __init__(self, app: ASGIApp, limit: RateLimit) -> None:
        """Take the application inside, and how many requests each client has."""
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        client = scope.get("client")
        if not self.limit.allows(client[0] if client else ""):
            late = JSONResponse(
                {"detail": "Too many requests; try again in a few seconds."},
                429,
                headers={"retry-after": "5"},
            )
            await late(scope, receive, send_guarded)
            return
        body = await _body(scope, receive)
        if body is None:
            large = JSONResponse(
                {"detail": f"The request is over {MAX_BODY} bytes."},
                413,
                headers={"connection": "close"},
            )
            await large(scope, receive, send_guarded)
            return
        sent = False

        async def receive_read() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, receive_read, send_guarded)


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The body of a request, or None where it is too large."""
    stated = Headers(scope=scope).get("content-length", "0")
    if not stated.isdecimal() or int(stated[:20]) > MAX_BODY:
        return None
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":  # gone before it was whole
            return body
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            return None
    return body
