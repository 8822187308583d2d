"""A whole study of small images in a folder, and answers to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from study_results import pairs

from p2p_eval.study.design import design
from p2p_eval.study.images import write_study
from p2p_eval.study.plan import Plan, Session

TRIALS = 4
PRACTICE = 2


def study(folder: Path, *, sessions: int = 2, milliseconds: int = 40, seed: int = 0) -> Plan:
    """Write a study of two experiments, each with so many sessions of 2 + 4 trials."""
    experiments = pairs(folder.parent / f"{folder.name}-results", "L1", "L1+cGAN")
    plan = design(
        experiments,
        trials=TRIALS,
        practice=PRACTICE,
        sessions_per_algorithm=sessions,
        seed=seed,
        size=32,
        milliseconds=milliseconds,
    )
    write_study(folder, plan, experiments)
    return plan


def records(session: Session, side: str = "left") -> list[dict[str, Any]]:
    """What the page keeps of someone who always says the same."""
    return [
        {
            "trial": number,
            "answer": side,
            "response_ms": 432.1,
            "shown_ms": [1000.2, 1000.2],
            "dropped_frames": 0,
            "lost_focus": False,
            "seen_before": 0,
        }
        for number in range(1, len(session.trials) + 1)
    ]


def form(plan: Plan, session: Session, side: str = "left") -> dict[str, str]:
    """What the page of Mechanical Turk submits."""
    return {
        "plan": plan.hash,
        "session": session.id,
        "answers": json.dumps(records(session, side)),
    }
