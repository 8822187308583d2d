"""p2p-eval: evaluation and benchmarking of paired image-to-image translation."""

__version__ = "0.1.0"
