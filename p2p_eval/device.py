"""Which device does a name stand for?"""

from __future__ import annotations

import re

import torch

from p2p_eval.errors import InputError

__all__ = ["pick_device"]


def pick_device(name: str) -> torch.device:
    """Return the device of a name; ``auto`` is the first GPU if there is one, else the CPU.

    Raises:
        InputError: The name is none, or there is no such GPU.

    Example:
        >>> pick_device("cpu")
        device(type='cpu')
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    match = re.fullmatch(r"auto|cuda(?::(\d{1,3}))?", name)
    if match is None:
        raise InputError(f"got device {name!r}, expected auto, cpu, cuda or cuda:N")
    index, count = int(match[1] or 0), torch.cuda.device_count()
    if index >= count:
        raise InputError(
            f"got device {name}, but PyTorch sees {count} CUDA device(s); use --device cpu, or "
            "install a driver and a PyTorch build that fit the GPU"
        )
    return torch.device("cuda", index)
