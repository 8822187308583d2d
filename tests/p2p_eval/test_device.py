"""Names of devices."""

from __future__ import annotations

import pytest
import torch

from p2p_eval.device import pick_device
from p2p_eval.errors import InputError


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:1000", "mps", "cpu:0", ""])
def test_names_that_are_no_device(name: str) -> None:
    with pytest.raises(InputError, match="got device"):
        pick_device(name)


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == pick_device("cuda") == torch.device("cuda", 0)
    with pytest.raises(InputError, match="sees 1 CUDA device"):
        pick_device("cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == torch.device("cpu")
