"""Which experiments stand for a row: usual names, seeds, and the user's own."""

from __future__ import annotations

import pytest

from p2p_eval.errors import InputError
from p2p_eval.tables.choice import Chosen, assign, parse_chosen
from p2p_eval.tables.definitions import definition

ONE = definition("1")


def choose(*texts: str) -> list[Chosen]:
    return [parse_chosen(text) for text in texts]


def test_usual_names_and_seeds_in_order() -> None:
    there = ["L1-seed10", "L1-seed9", "GAN", "L1-seedy", "L1-seed", "L1+cGAN-16x16", "other"]
    assert assign(ONE, there, []) == {"L1": ("L1-seed9", "L1-seed10"), "GAN": ("GAN",)}


def test_own_names() -> None:
    there = ["mine", "yours-seed0", "yours-seed1", "a", "b", "GAN"]
    chosen = choose("1:L1=mine", "1:cGAN=yours", "1:L1+GAN=a", "1:L1+GAN=b", "3:L1+cGAN=mine")
    assert assign(ONE, there, chosen) == {
        "L1": ("mine",),
        "GAN": ("GAN",),
        "cGAN": ("yours-seed0", "yours-seed1"),
        "L1+GAN": ("a", "b"),
    }


def test_own_name_with_odd_characters() -> None:
    assert parse_chosen("1:L1=a=b:c|<x>") == Chosen("1", "L1", "a=b:c|<x>")


@pytest.mark.parametrize("text", ["", "L1=x", "1:L1", "1:L1=", ":L1=x", "1:=x", "L1"])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="TABLE:ROW=EXPERIMENT"):
        parse_chosen(text)


def test_unknown_tables_and_rows_are_refused() -> None:
    with pytest.raises(InputError, match="got table '9'"):
        parse_chosen("9:L1=x")
    with pytest.raises(InputError, match=r"got row 'ground truth' of Table 1.*ground-truth"):
        parse_chosen("1:ground truth=x")


def test_a_row_with_and_without_seeds_is_refused_until_named() -> None:
    there = ["L1", "L1-seed0"]
    with pytest.raises(InputError, match=r"L1 and L1-seed0.*--row 1:L1=EXPERIMENT"):
        assign(ONE, there, [])
    assert assign(ONE, there, choose("1:L1=L1")) == {"L1": ("L1",)}
    assert assign(ONE, there, choose("1:L1=L1-seed0")) == {"L1": ("L1-seed0",)}


def test_an_experiment_stands_for_one_row_once() -> None:
    for texts in (["1:GAN=L1"], ["1:GAN=x", "1:cGAN=x"], ["1:GAN=x", "1:GAN=x"]):
        with pytest.raises(InputError, match="expected each experiment once"):
            assign(ONE, ["L1", "x"], choose(*texts))


def test_an_experiment_that_is_not_there_is_named() -> None:
    there = [f"run{number}" for number in range(30)]
    with pytest.raises(InputError, match=r"'missing' for the row L1.*run0, run1.*and 10 more"):
        assign(ONE, there, choose("1:L1=missing"))
