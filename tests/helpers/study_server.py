"""A real server of a study in a process of its own, as ``p2p-eval study serve`` starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

TOKEN = "an admin's token of some length"


class Server:
    """Starts, is killed, and starts again at the same address."""

    def __init__(self, study: Path, out: Path, *options: str) -> None:
        self.command = [sys.executable, "-m", "p2p_eval", "study", "serve", str(study)]
        self.command += ["--out", str(out), "--token", TOKEN, *options]
        self.port = 0
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [*self.command, "--port", str(self.port)],
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        said = ""
        for line in self.process.stderr:
            said += line
            if (found := re.search(r"participants: (http://127.0.0.1:(\d+))/", line)) is not None:
                self.address, self.port = found[1], int(found[2])
            if line.startswith("admin:"):
                return
        raise AssertionError(said)

    def kill(self) -> None:
        self.process.kill()
        self._end()

    def stop(self) -> tuple[int, str]:
        """Press Ctrl+C; give the exit code, and what was said since the start."""
        self.process.send_signal(signal.SIGINT)
        return self._end()

    def _end(self) -> tuple[int, str]:
        said = self.process.communicate(timeout=30)[1]
        return self.process.returncode, said
