"""Training and generation against the plainest correct loops, in turns, on the CPU.

The plain training loop is that of the PyTorch code: images are read when they are needed, Adam is
as PyTorch makes it, tensors lie as they come, D's weights get no gradients from G's loss. The plain
way of generating reads, runs and writes one image after the other, with all of PyTorch's threads.

    python benchmarks/training_speed.py --report reports/training-speed.md
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import nn

from fcn.labels import label_set
from p2p_eval import __version__
from p2p_eval.datasets import scenes
from p2p_eval.datasets.paired import Pairs, find_pairs
from p2p_eval.datasets.tasks import TASKS
from p2p_eval.models import PatchGAN, load_generator
from p2p_eval.models.layers import DoublingConv, HalvingConv
from p2p_eval.training.config import Config, read_config
from p2p_eval.training.generate import generate
from p2p_eval.training.loop import train
from p2p_eval.training.networks import Networks, build_generator
from p2p_eval.training.samples import batches, draw

PAIRS = 24
LEAST = 1.2
"""What is asked of training and of generating."""

MOST_OVERHEAD = 0.02
"""What checkpoints and logging may cost."""


@dataclass(frozen=True)
class Result:
    """Ours against the plain way: a factor of speed, higher is better."""

    what: str
    steps: int
    ratios: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)


def configs() -> dict[str, tuple[Config, int]]:
    """Return what is trained, and updates a turn."""
    small = read_config("scenes")
    full = read_config("paper", {"label_set": "scenes"})
    return {
        "small networks (`scenes`), batch 1": (small, 12),
        "small networks, batch 10": (replace(small, batch=10), 2),
        "the paper's networks, batch 1": (full, 2),
        "the paper's networks, L1 alone": (replace(full, loss="L1"), 3),
    }


def plain_layers(network: nn.Module) -> nn.Module:
    """Give a network back PyTorch's own convolutions."""
    for module in network.modules():
        if isinstance(module, HalvingConv):
            module.__class__ = nn.Conv2d
        elif isinstance(module, DoublingConv):
            module.__class__ = nn.ConvTranspose2d
    return network


class PlainLoop:
    """The loop as everybody writes it."""

    def __init__(self, config: Config, pairs: Pairs) -> None:
        self.config, self.pairs, self.number = config, pairs, 0
        self.g = plain_layers(build_generator(config))
        self.d = PatchGAN(6, config.patch, width=config.discriminator_width)
        self.of_g, self.of_d = (
            torch.optim.Adam(network.parameters(), config.learning_rate, (config.beta1, 0.999))
            for network in (self.g, self.d)
        )
        self.bce, self.l1 = nn.BCEWithLogitsLoss(), nn.L1Loss()

    def __call__(self, steps: int) -> None:
        for _ in range(steps):
            samples = []
            for _ in range(self.config.batch):
                samples.append(draw(self.pairs, self.config, self.number))
                self.number += 1
            self.update(*(torch.stack(side) for side in zip(*samples, strict=True)))

    def update(self, x: torch.Tensor, y: torch.Tensor) -> None:
        fake = self.g(x)
        loss = 100 * self.l1(fake, y)
        if self.config.terms.adversarial:
            self.d.requires_grad_(True)
            self.of_d.zero_grad()
            real = self.d(torch.cat([x, y], 1))
            made = self.d(torch.cat([x, fake.detach()], 1))
            of_d = self.bce(real, torch.ones_like(real)) + self.bce(made, torch.zeros_like(made))
            (of_d * 0.5).backward()
            self.of_d.step()
            self.d.requires_grad_(False)
            made = self.d(torch.cat([x, fake], 1))
            loss = loss + self.bce(made, torch.ones_like(made))
        self.of_g.zero_grad()
        loss.backward()
        self.of_g.step()


class OurLoop:
    """What :func:`p2p_eval.training.loop.train` does between two checkpoints."""

    def __init__(self, config: Config, pairs: Pairs) -> None:
        self.config, self.networks, self.step = config, Networks(config, "cpu"), 0
        self.batches = batches(pairs, config, 0, 1_000_000)

    def __call__(self, steps: int) -> None:
        for _ in range(steps):
            self.networks.update(*next(self.batches))


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def training(what: str, config: Config, steps: int, pairs: Pairs, rounds: int) -> Result:
    plain, ours = PlainLoop(config, pairs), OurLoop(config, pairs)
    for loop in (plain, ours):
        loop(2)
    ratios = []
    for number in range(rounds):
        order = (plain, ours) if number % 2 else (ours, plain)
        took = {loop: seconds(lambda loop=loop: loop(steps)) for loop in order}
        ratios.append(took[plain] / took[ours])
    ours.batches.close()
    return Result(f"training, {what}", steps, tuple(ratios))


def generating(what: str, config: Config, pairs: Pairs, rounds: int, folder: Path) -> Result:
    path = train(replace(config, steps=1, sample_every=0), pairs, folder / "run").generator
    ours, theirs = load_generator(path), plain_layers(load_generator(path).network).train()
    out = folder / "plain"
    for part in ("input", "output", "target"):
        (out / part).mkdir(parents=True, exist_ok=True)
    task = TASKS[pairs.task]

    def plain() -> None:
        for number, pair in enumerate(pairs.pairs):
            source, target = pairs.read(number, config.size)
            x, _ = task.encode(source, target)
            with torch.inference_mode():
                made = task.decode(x, theirs(x[None])[0])
            for part, image in (("input", source), ("output", made), ("target", target)):
                Image.fromarray(image).save(out / part / f"{pair.name}.png")

    def kit() -> None:
        generate(ours, pairs, folder / "ours", size=config.size)

    ratios = []
    for number in range(rounds + 1):
        order = (plain, kit) if number % 2 else (kit, plain)
        took = {way: seconds(way) for way in order}
        ratios.append(took[plain] / took[kit])
    return Result(f"generating, {what}", len(pairs), tuple(ratios[1:]))


def overhead(config: Config, pairs: Pairs, folder: Path) -> float:
    """Return what checkpoints every 500 steps and losses every 50 cost, as a share of training.

    Each part is timed alone: one checkpoint, and the difference is not lost in the noise of two
    long runs.
    """
    from p2p_eval.training.checkpoint import Run, write_checkpoint
    from p2p_eval.training.log import LossLog

    loop = OurLoop(config, pairs)
    loop(2)
    step = min(seconds(lambda: loop(10)) for _ in range(3)) / 10
    x, y = next(loop.batches)
    losses = loop.networks.update(x, y)
    log = LossLog(folder / "losses.csv", 0)
    run = Run(config, pairs.fingerprint)

    def save() -> None:
        log.add(losses)
        log.write(1)
        write_checkpoint(folder / "checkpoint.safetensors", run, loop.networks, 1)

    saving = statistics.median(seconds(save) for _ in range(5))
    adding = min(seconds(lambda: [log.add(losses) for _ in range(50)]) for _ in range(5)) / 50
    loop.batches.close()
    return (saving / config.checkpoint_every + adding) / step


def measure(rounds: int) -> tuple[list[Result], float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenes.make(folder / "data", PAIRS)
        pairs = find_pairs(folder / "data", "labels2photo", label_set=label_set("scenes"))
        results = []
        for what, (config, steps) in configs().items():
            results.append(training(what, config, steps, pairs, rounds))
            print(results[-1], flush=True)
        for what in ("small networks (`scenes`), batch 1", "the paper's networks, batch 1"):
            place = folder / what[:5]
            place.mkdir()
            results.append(generating(what, configs()[what][0], pairs, max(3, rounds // 3), place))
            print(results[-1], flush=True)
        return results, overhead(read_config("scenes"), pairs, folder)


def report(results: list[Result], cost: float, rounds: int) -> str:
    rows = "\n".join(
        f"| {r.what} | **{r.median:.2f}** | {min(r.ratios):.2f} – {max(r.ratios):.2f} |"
        for r in results
    )
    every = read_config("scenes").checkpoint_every
    threads = torch.get_num_threads()
    return f"""# Training and generation: speed on a CPU

How many times as fast as the plainest correct loop, in turns in one process; two shared cores, so
only ratios count. More is better.

| | median of rounds | all rounds |
|-|-|-|
{rows}

The plain training loop reads images when they are needed, uses Adam and convolutions as PyTorch
makes them and tensors as they come; the plain way to generate reads, runs and writes one image
after the other with all of PyTorch's threads. Both are written out in
`benchmarks/training_speed.py`. All at 256×256.

Checkpoints (every {every} steps) and losses cost {cost:.2%} of the time of training the small
networks.

## How it was made

    python benchmarks/training_speed.py --rounds {rounds} --report reports/training-speed.md

p2p-eval {__version__}, PyTorch {torch.__version__}, {threads} threads. On a GPU:
[training-speed-gpu.md](training-speed-gpu.md).
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--report", type=Path)
    arguments = parser.parse_args()
    results, cost = measure(arguments.rounds)
    text = report(results, cost, arguments.rounds)
    print(text)
    if arguments.report:
        arguments.report.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
