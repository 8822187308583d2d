"""The paper's networks and losses, and generators as files."""

from p2p_eval.models.discriminators import PatchGAN
from p2p_eval.models.generator_file import load_generator, save_generator
from p2p_eval.models.generators import Generator
from p2p_eval.models.layers import initialize, test_mode
from p2p_eval.models.losses import LOSSES, Loss, discriminator_loss, generator_loss
from p2p_eval.models.resnet import ResnetGenerator

__all__ = [
    "LOSSES",
    "Generator",
    "Loss",
    "PatchGAN",
    "ResnetGenerator",
    "discriminator_loss",
    "generator_loss",
    "initialize",
    "load_generator",
    "save_generator",
    "test_mode",
]
