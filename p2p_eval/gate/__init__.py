"""The quality gate: baselines, and the check that stops a worse model."""
