"""200 people take part at once: is any of 10,000 answers lost, and how long does each take?

``python benchmarks/study_load.py [--people 200] [--database URL]``, on an otherwise idle machine.
People take as long as people do: each pair is shown for a second, and answered 0.2 to 1.5 s later.
The server is a process of its own; the people share this one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from study_crowd import check_kept, crowd
from study_results import pairs
from study_server import Server

from p2p_eval.study.design import design
from p2p_eval.study.images import write_study

TRIALS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--database", help="by default SQLite")
    arguments = parser.parse_args()
    people = arguments.people
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        experiments = pairs(root / "results", "L1", "L1+cGAN", count=TRIALS)
        half = (people + 1) // 2
        plan = design(experiments, sessions_per_algorithm=half, seed=0, size=16)
        write_study(root / "study", plan, experiments)
        options = ["--database", arguments.database] if arguments.database else []
        server = Server(root / "study", root / "out", *options)
        try:
            started = time.perf_counter()
            visited = asyncio.run(crowd(server.address, people, waits=True))
            wall = time.perf_counter() - started
            check_kept(server.address, visited, TRIALS)
        finally:
            server.kill()
    milliseconds = 1000 * np.array([seconds for visit in visited for seconds in visit.seconds])
    p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99])
    report = {
        "people": people,
        "answers": len(milliseconds),
        "lost_or_doubled": 0,
        "answers_per_second": len(milliseconds) / wall,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "max_ms": milliseconds.max(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[2],
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
