"""Names, aliases and variants of metrics, and what cannot run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from p2p_eval.errors import InputError
from p2p_eval.metrics.catalogue import METRICS
from p2p_eval.scoring.metric_choice import ALIASES, DEFAULT_METRICS, choose, resolve


@pytest.mark.parametrize(
    ("names", "full"),
    [
        (DEFAULT_METRICS, ("psnr", "ssim", "gmsd", "lpips[alex-v0.1]")),
        (["ssim[rgb]", " PSNR ", "ssim[no-downsample]"],
         ("ssim[rgb]", "psnr", "ssim[no-downsample]")),
        (["lpips", "lpips[alex]", "lpips[alex-v0.1]", "psnr", "psnr"],
         ("lpips[alex-v0.1]", "psnr")),
        (["lpips[vgg]", "lpips[squeeze]"], ("lpips[vgg-v0.1]", "lpips[squeeze-v0.1]")),
        (["spectrum", "fid", "kid"], ("spectrum[blur]", "spectrum[tiling]", "fid", "kid")),
        ("ms-ssim,ciede2000", ("ms-ssim", "ciede2000")),
    ],
)  # fmt: skip
def test_resolve(names: str | list[str], full: tuple[str, ...]) -> None:
    assert resolve(names) == full


@pytest.mark.parametrize("names", [["psnr", "pnsr"], [""], ["lpips[alex-v0.0]"], ["ssim[]"]])
def test_an_unknown_name_gets_all_that_there_are(names: list[str]) -> None:
    with pytest.raises(InputError, match="got metric") as caught:
        resolve(names)
    assert all(name in str(caught.value) for name in (*METRICS, *ALIASES, "fid", "kid"))


def test_no_name() -> None:
    with pytest.raises(InputError, match="got no metric"):
        resolve([])


def test_lpips_without_weights_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(url: str, *_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    chosen = choose(["psnr", "lpips", "fid"], None, "cpu")
    assert [metric.name for metric in chosen.metrics] == ["psnr"]
    assert chosen.sets == ("fid",)
    (unavailable,) = chosen.unavailable
    assert unavailable.metric == "lpips[alex-v0.1]"
    assert str(tmp_path) in unavailable.reason


def test_given_weights_that_cannot_be_used_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        choose(["psnr", "lpips"], tmp_path / "alexnet.pth", "cpu")
    for names in (["psnr"], ["lpips[alex]", "lpips[vgg]"]):
        with pytest.raises(InputError, match="exactly one"):
            choose(names, tmp_path / "alexnet.pth", "cpu")


@pytest.mark.data
def test_given_weights(test_data: Path) -> None:
    chosen = choose(["lpips", "psnr"], test_data / "lpips" / "alexnet_features.pth", "cpu")
    assert [metric.name for metric in chosen.metrics] == ["lpips[alex-v0.1]", "psnr"]
