"""The networks that a configuration asks for, and one update of them."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from p2p_eval.datasets.tasks import TASKS
from p2p_eval.models.discriminators import PatchGAN
from p2p_eval.models.generators import Generator
from p2p_eval.models.layers import Norm, fastest_layout
from p2p_eval.models.losses import discriminator_loss, generator_loss
from p2p_eval.models.resnet import ResnetGenerator
from p2p_eval.training.config import Config
from p2p_eval.training.replay import Replayed, Update

__all__ = ["Networks", "build_generator", "generator_settings"]

BETA2 = 0.999


def generator_settings(config: Config) -> dict[str, Any]:
    """Return the arguments of a configuration's generator, as its file has them."""
    task = TASKS[config.task]
    settings: dict[str, Any] = {
        "inputs": task.inputs,
        "outputs": task.outputs,
        "width": config.width,
        "norm": config.norm,
    }
    if config.generator == "resnet":
        return settings | {"dropout": config.dropout != "none"}
    return settings | {
        "size": 1 << config.depth,
        "skips": config.generator == "unet",
        "dropout": config.dropout,
        "bottleneck_norm": config.bottleneck_norm,
    }


def build_generator(config: Config) -> nn.Module:
    """Return a configuration's generator with new weights from PyTorch's own generator."""
    settings = generator_settings(config)
    return (ResnetGenerator if config.generator == "resnet" else Generator)(**settings)


class Networks:
    """Generator and discriminator in training, with their optimisers.

    Attributes:
        generator: G.
        discriminator: D, or None where the loss has none.
        optimizers: Adam for G, and for D.
    """

    def __init__(self, config: Config, device: str) -> None:
        """Draw new weights from PyTorch's own generator."""
        self.config = config
        task = TASKS[config.task]
        channels = task.outputs + (task.inputs if config.terms.conditional else 0)
        self.generator = build_generator(config)
        self.discriminator = (
            PatchGAN(
                channels,
                config.patch,
                width=config.discriminator_width,
                norm=cast(Norm, config.norm),
            )
            if config.terms.adversarial
            else None
        )
        self.layout = fastest_layout(self.generator, device)
        for network in self.all():
            network.to(device, memory_format=self.layout)  # type: ignore[call-overload]
        self.device = torch.device(device)
        on_gpu = self.device.type == "cuda"
        self.optimizers = [
            torch.optim.Adam(
                network.parameters(),
                self._rate(),
                (config.beta1, BETA2),
                fused=True,  # one pass over the weights instead of a dozen
                capturable=on_gpu,
            )
            for network in self.all()
        ]
        self._updating: Update = (
            Replayed(self._update, self.device, self.layout) if on_gpu else self._update
        )

    def all(self) -> list[nn.Module]:
        """Return G, and D if there is one."""
        return [self.generator, *([] if self.discriminator is None else [self.discriminator])]

    def trained(self) -> list[tuple[nn.Module, torch.optim.Optimizer]]:
        """Return each network with its optimiser."""
        return list(zip(self.all(), self.optimizers, strict=True))

    def finite(self) -> bool:
        """Whether every weight is finite."""
        return all(
            bool(torch.isfinite(weight).all())
            for network in self.all()
            for weight in network.parameters()
        )

    def set_rate(self, factor: float) -> None:
        """Set the learning rate to a multiple of the configuration's."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                rate = self.config.learning_rate * factor
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def update(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Update D, then G, by one batch.

        Args:
            x: Inputs, ``(N, inputs, H, W)`` in [-1, 1], in the memory of the CPU.
            y: Targets, ``(N, outputs, H, W)`` in [-1, 1], likewise.

        Returns:
            The losses before the update, detached: ``D`` where there is one, and the terms of
            :func:`~p2p_eval.models.losses.generator_loss`.
        """
        return self._updating(x, y)

    def _rate(self) -> Tensor | float:
        """Return the learning rate: on a GPU a tensor, which a recorded update reads anew."""
        rate = self.config.learning_rate
        return rate if self.device.type == "cpu" else torch.tensor(rate, device=self.device)

    def _update(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        x, y = (image.contiguous(memory_format=self.layout) for image in (x, y))
        generated = self._run(self.generator, x)
        losses: dict[str, Tensor] = {}
        logits = None
        if self.discriminator is not None:
            both = self._judge(torch.cat([x, x]), torch.cat([y, generated.detach()]), 2)
            real, fake = both.chunk(2)
            losses["D"] = discriminator_loss(real, fake)
            self._step(1, losses["D"])
            logits = self._judge(x, generated)
        terms = generator_loss(self.config.terms, generated, y, logits, self.config.pixel_weight)
        self._step(0, torch.stack(list(terms.values())).sum())
        return {name: loss.detach() for name, loss in (losses | terms).items()}

    def _judge(self, x: Tensor, image: Tensor, batches: int = 1) -> Tensor:
        """Let D judge images, with their inputs if it is conditional."""
        seen = torch.cat([x, image], 1) if self.config.terms.conditional else image
        return self._run(cast(nn.Module, self.discriminator), seen, batches)

    def _run(self, network: nn.Module, *arguments: Any) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, self.config.precision == "bf16"):
            result: Tensor = network(*arguments)
        return result.float()

    def _step(self, which: int, loss: Tensor) -> None:
        """Follow a loss's gradient with one network's weights; those of the other get none."""
        network, optimizer = self.trained()[which]
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=list(network.parameters()))  # type: ignore[no-untyped-call]
        optimizer.step()
