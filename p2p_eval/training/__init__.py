"""Train the reference models, generate with them, and reproduce the ablations of the paper."""
