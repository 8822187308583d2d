"""Data to score and to train on: the embedded scenes, controls, and public data sets."""
