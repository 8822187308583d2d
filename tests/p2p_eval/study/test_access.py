"""Cookies, tokens and rates."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from p2p_eval.errors import InputError, StoreError
from p2p_eval.study.access import Access, RateLimit, read_secret

SECRET = bytes(range(32))
TOKEN = "a token of the admin"


def access(plan: str = "a", token: str | None = TOKEN, *, keep_ids: bool = False) -> Access:
    return Access(SECRET, plan, token, keep_ids=keep_ids)


def test_a_visit_is_signed_for_one_study() -> None:
    cookie = access().sign_visit("v", 3)
    assert access().read_visit(cookie) == ("v", 3)
    assert access("b").read_visit(cookie) is None
    assert access().read_visit(cookie[:-2]) is None
    assert access().read_visit(None) is None
    assert Access(b"x" * 32, "a", TOKEN, keep_ids=False).read_visit(cookie) is None


def test_admins_bring_the_token_or_its_cookie() -> None:
    known = access()
    assert known.is_admin(None, f"Bearer {TOKEN}")
    assert known.is_admin(known.sign_admin(), None)
    assert not known.is_admin(None, TOKEN)
    assert not known.is_admin(known.sign_visit("admin", 0), None)
    assert not access(token="another token, as long").is_admin(known.sign_admin(), None)
    assert access(token=None).token == access(token=None).token != access("b", None).token
    with pytest.raises(InputError, match="16 or more"):
        access(token="short")


def test_a_panel_id_becomes_a_pseudonym_unless_it_is_asked_for() -> None:
    assert access().participant("5f") == access().participant("5f") != access().participant("5e")
    assert access().participant("5f") != "5f"
    assert access(keep_ids=True).participant("5f") == "id:5f"


def test_the_secret_is_made_once_and_its_owners(tmp_path: Path) -> None:
    secret = read_secret(tmp_path / "new")
    assert secret == read_secret(tmp_path / "new")
    path = tmp_path / "new" / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"cut")
    with pytest.raises(StoreError, match="got 3 bytes"):
        read_secret(tmp_path / "new")


def test_a_bucket_empties_and_fills_again_for_each_client() -> None:
    limit = RateLimit(rate=2.0, burst=3.0)
    assert [limit.allows("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert limit.allows("b", 0.0)
    assert [limit.allows("a", 1.0) for _ in range(3)] == [True, True, False]
    assert [limit.allows("a", 99.0) for _ in range(4)] == [True, True, True, False]
