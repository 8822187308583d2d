"""Metrics on arrays and tensors: pure functions, and ``torchmetrics`` classes beside them."""
