"""Data to score and to train on: the embedded scenes, and controls made of any photos."""
