"""Our image metrics stay ahead of other packages'; the side by side with all is metrics_speed.py.

python -m pytest benchmarks/test_metrics_speed.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from metrics_pairs import pairs
from metrics_peers import peer
from metrics_speed import FAST, ours
from metrics_timing import Candidate, interleave, processors, values
from metrics_weights import provide
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

# The package that is fastest here, and how many times as fast we have to be.
AT_LEAST = {
    "psnr": ("torchmetrics", 1.0),
    "ssim": ("scikit-image", 3.0),
    "ssim[rgb]": ("scikit-image", 3.0),
    "ms-ssim": ("piqa", 1.0),
    "gmsd": ("piqa", 2.0),
    "ciede2000": ("scikit-image", 1.0),
    "lpips[alex]": ("lpips", 1.0),
    "lpips[squeeze]": ("lpips", 1.0),
}
CLOSE = {"psnr": 1e-5, "ciede2000": 1e-4}
"""Greatest difference from the package's values; 5e-5 otherwise."""
TURNS = 15


@pytest.fixture(scope="module")
def images() -> tuple[Tensor, Tensor]:
    x, y = pairs(16)
    return torch.from_numpy(x), torch.from_numpy(y)


@pytest.fixture(scope="module", autouse=True)
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Put weights for everybody into a torch hub cache of this test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", "")  # is put back afterwards
        provide(Path(tmp_path_factory.mktemp("torch")))
        yield


@pytest.mark.filterwarnings("ignore")  # the packages' own
@pytest.mark.parametrize("name", [FAST, "package"])
@pytest.mark.parametrize("metric", AT_LEAST)
def test_metric(
    benchmark: BenchmarkFixture, images: tuple[Tensor, Tensor], metric: str, name: str
) -> None:
    package = AT_LEAST[metric][0]
    functions = {**ours(metric), "package": peer(metric, package).make()}
    benchmark.group = f"{metric}, 8 pairs of 256×256 (the package: {package})"
    x, y = (stack[:8] for stack in images)
    with torch.inference_mode():
        found = benchmark.pedantic(functions[name], (x, y), warmup_rounds=1, rounds=5)
    assert len(found) == 8


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("metric", AT_LEAST)
def test_faster_than_the_fastest_package(images: tuple[Tensor, Tensor], metric: str) -> None:
    """Interleaved, the least time of each: others on the machine only ever add time."""
    package, least = AT_LEAST[metric]
    torch.set_num_threads(processors())
    fast = Candidate(ours(metric)[FAST], *images)
    other = Candidate(peer(metric, package).make(), *images)
    interleave([fast, other], TURNS)
    theirs = values(other.measure, other.way, *images)
    mine = values(fast.measure, fast.way, *images)
    torch.testing.assert_close(mine, theirs, rtol=0, atol=CLOSE.get(metric, 5e-5))
    ratio = other.seconds / fast.seconds
    print(f"{metric}: {ratio:.2f} times as fast as {package}")
    assert ratio >= least
