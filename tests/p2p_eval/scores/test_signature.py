"""The signature names every setting, in order, and cannot be forged by a value."""

from __future__ import annotations

import pytest

from p2p_eval.scores.signature import Signature


def test_line_keeps_the_order_and_replaces_in_place() -> None:
    signature = Signature("fcn-score", {"protocol": "paper", "weights": "a.caffemodel@0123"})
    assert str(signature.replace(protocol="strict", jpeg="yes")) == (
        "fcn-score|protocol:strict|weights:a.caffemodel@0123|jpeg:yes"
    )


@pytest.mark.parametrize("value", ["a|b:c", "a\nb", "\x1b[2J"])
def test_values_that_would_break_the_line_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="printable text"):
        Signature("fcn-score", {"weights": value})


def test_keys_are_words() -> None:
    with pytest.raises(ValueError, match="lower-case"):
        Signature("fcn-score", {"a:b": "1"})
