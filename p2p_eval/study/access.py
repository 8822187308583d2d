"""Who may do what: cookies of participants, the token of admins, and limits on requests."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections import OrderedDict
from pathlib import Path

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

from p2p_eval.errors import InputError, StoreError
from p2p_eval.scores.store import store_error

__all__ = ["Access", "RateLimit", "read_secret"]

SECRET = "secret"  # noqa: S105 (the name of its file)
SECRET_BYTES = 32
LEAST_TOKEN = 16
ADMIN_SECONDS = 12 * 3600
MOST_CLIENTS = 10_000


def read_secret(folder: Path) -> bytes:
    """Return the secret of a study's server, made and kept on the first call, for its owner only.

    It lies beside the answers and not among them, so that who gets the answers alone cannot find
    out by trying which panel id a participant had.

    Raises:
        StoreError: It cannot be read or written, or is damaged.
    """
    path = folder / SECRET
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            secret = path.read_bytes()
        else:
            secret = secrets.token_bytes(SECRET_BYTES)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secret)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise store_error(path, error) from error
    if len(secret) != SECRET_BYTES:
        raise StoreError(
            f"{path}: got {len(secret)} bytes, expected {SECRET_BYTES}; restore it, or remove it, "
            "and people who are in the middle of a session cannot go on with it"
        )
    return secret


class Access:
    """Signs and checks what clients bring back."""

    def __init__(self, secret: bytes, plan: str, token: str | None, *, keep_ids: bool) -> None:
        """Take what everything is signed with.

        Args:
            secret: Of the server.
            plan: Hash of the plan: a cookie of another study is worth nothing.
            token: Of the admin, or None: it follows from the secret.
            keep_ids: Keep a panel's ids as they are, and not a pseudonym of each.

        Raises:
            InputError: The token is too short.
        """
        if token is not None and len(token) < LEAST_TOKEN:
            raise InputError(
                f"got a token of {len(token)} characters, expected {LEAST_TOKEN} or more; without "
                "--token one is made"
            )
        self._secret = secret
        self._keep_ids = keep_ids
        self.token = token or self._digest("admin", plan)[:43]
        self._visits = URLSafeSerializer(secret, salt=f"visit {plan}")
        self._admins = URLSafeTimedSerializer(secret, salt=f"admin {plan} {self.token}")

    def participant(self, panel_id: str) -> str:
        """Return what is kept of a panel's id: a pseudonym, unless configured otherwise."""
        return f"id:{panel_id}" if self._keep_ids else self._digest("participant", panel_id)[:32]

    def new_participant(self) -> str:
        """Return a participant of whom nothing is known."""
        return secrets.token_hex(16)

    def sign_visit(self, visit: str, place: int) -> str:
        """Return the cookie of a visit, which is to the session at a place of the plan."""
        return self._signed(self._visits.dumps([visit, place]))

    def read_visit(self, cookie: str | None) -> tuple[str, int] | None:
        """Return the visit and the place that a cookie is of, or None where it is forged."""
        try:
            visit, place = self._visits.loads(cookie or "")
        except BadSignature:
            return None
        return str(visit), int(place)

    def sign_admin(self) -> str:
        """Return the cookie of an admin."""
        return self._signed(self._admins.dumps("admin"))

    def is_admin(self, cookie: str | None, authorization: str | None) -> bool:
        """Whether a client brings the token, or the cookie that was given for it."""
        scheme, _, bearer = (authorization or "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(bearer):
            return True
        try:
            return bool(self._admins.loads(cookie or "", max_age=ADMIN_SECONDS) == "admin")
        except BadSignature:
            return False

    def is_token(self, text: str) -> bool:
        """Whether a text is the admin's token."""
        return hmac.compare_digest(text.encode(errors="replace"), self.token.encode())

    def _digest(self, purpose: str, text: str) -> str:
        message = f"{purpose}\0{text}".encode(errors="replace")
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()

    @staticmethod
    def _signed(text: str | bytes) -> str:
        return text if isinstance(text, str) else text.decode()


class RateLimit:
    """A bucket of requests for each client, which fills up at a steady rate."""

    def __init__(self, rate: float, burst: float) -> None:
        """Take how many requests a second a client has, and how many at once."""
        self.rate = rate
        self.burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, client: str, now: float | None = None) -> bool:
        """Whether a client has a request left; it is taken."""
        now = time.monotonic() if now is None else now
        left, before = self._buckets.pop(client, (self.burst, now))
        left = min(self.burst, left + (now - before) * self.rate)
        allowed = left >= 1
        self._buckets[client] = (left - 1 if allowed else left, now)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return allowed
