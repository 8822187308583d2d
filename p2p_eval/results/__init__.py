"""Results folders: which layout they have, which images belong together, what is wrong with them.

:mod:`images` reads one file, :mod:`layouts` finds experiments, :mod:`pairing` gives every image
its label map, :mod:`doctor` says what would make a score wrong.
"""
