"""Our image metrics stay ahead of other packages'; the side by side with all is metrics_speed.py.

python -m pytest benchmarks/test_metrics_speed.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import metrics_files
import pytest
import torch
from metrics_pairs import pairs, write_pairs
from metrics_peers import peer
from metrics_speed import FAST, ours
from metrics_timing import Candidate, interleave, processors, values
from metrics_weights import backbone_file, provide
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

# The package that is fastest here, and how many times as fast we have to be.
AT_LEAST = {
    "psnr": ("torchmetrics", 1.0),
    "ssim": ("piqa", 3.0),
    "ssim[rgb]": ("piqa", 3.0),
    "ms-ssim": ("piqa", 1.0),
    "gmsd": ("piqa", 2.0),
    "ciede2000": ("scikit-image", 1.0),
    "lpips[alex]": ("lpips", 1.0),
    "lpips[squeeze]": ("lpips", 1.0),
}
FILES_AT_LEAST = {metrics_files.NEW: 1.5, metrics_files.SEEN: 2.5}
"""From two folders to a CSV, beside the better of two programs made of packages."""
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


def test_from_files_to_a_csv(tmp_path: Path) -> None:
    write_pairs(tmp_path, 400, generators=2)
    packages = {metric: AT_LEAST[metric][0] for metric in metrics_files.METRICS}
    programs = metrics_files.compare(tmp_path, backbone_file("alex"), packages, rounds=3)
    best = min(programs[name].inside for name in metrics_files.PACKAGES)
    ratios = {name: best / programs[name].inside for name in FILES_AT_LEAST}
    print(f"from files: {ratios}")
    assert all(ratios[name] >= least for name, least in FILES_AT_LEAST.items()), ratios
