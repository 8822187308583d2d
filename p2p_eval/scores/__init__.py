"""Score files: their signature, their storage, and the confidence intervals drawn from them."""
