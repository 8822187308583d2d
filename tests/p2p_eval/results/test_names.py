"""Names of files and folders that nobody has checked: what is refused, and how it is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from p2p_eval.errors import InputError
from p2p_eval.results.layouts import find_experiments

Write = Callable[..., Path]


@pytest.mark.parametrize(
    "name", ["a b", "a'b", 'a"b', "a\nb", "straße", "-rf", "_x", "a$(id)", os.fsdecode(b"a\xff")]
)
def test_names_that_are_not_plain_are_refused(tmp_path: Path, photo: Write, name: str) -> None:
    os.link(photo(tmp_path / "1.png"), tmp_path / f"{name}.png")
    with pytest.raises(InputError, match="letters, digits") as caught:
        find_experiments(tmp_path)
    assert repr(f"{name}.png") in str(caught.value)
    str(caught.value).encode()
    root = tmp_path / "root"
    photo(root / name / "1.png")
    with pytest.raises(InputError, match="letters, digits"):
        find_experiments(root)


@pytest.mark.parametrize("name", ["a b", "\x1b[31m", "straße", os.fsdecode(b"a\xff")])
@pytest.mark.parametrize("ending", ["_fake_B", "-outputs", "_leftImg8bit"])
def test_strays_with_odd_names_are_refused(
    tmp_path: Path, photo: Write, name: str, ending: str
) -> None:
    os.link(photo(tmp_path / f"1{ending}.png"), tmp_path / f"{name}.png")
    with pytest.raises(InputError, match="letters, digits"):
        find_experiments(tmp_path)


def test_messages_are_printable_whatever_the_path(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_experiments(tmp_path / "\x1b[31m" / os.fsdecode(b"\xff"))
    assert str(caught.value).isprintable()
    assert r"\x1b[31m/\udcff: there is no such folder" in str(caught.value)


@pytest.mark.parametrize("names", [("1.png", "1.jpg"), ("a.png", "A.png"), ("1.png", "1.PNG")])
def test_two_files_for_one_id_are_refused(
    tmp_path: Path, photo: Write, names: tuple[str, str]
) -> None:
    for name in names:
        photo(tmp_path / name)
    with pytest.raises(InputError, match="got both"):
        find_experiments(tmp_path)
