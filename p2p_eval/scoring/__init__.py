"""Scores over folders: a results folder in, score files out."""
