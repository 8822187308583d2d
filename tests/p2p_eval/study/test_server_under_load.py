"""Nothing that was acknowledged is lost: many people at once, kill -9, and PostgreSQL as SQLite."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "helpers"))

from small_study import PRACTICE, TRIALS, study
from study_crowd import check_kept, crowd
from study_server import TOKEN, Server

LENGTH = PRACTICE + TRIALS
PEOPLE = 40
KILLS = 3


@pytest.fixture(scope="module")
def postgresql(postgresql_programs: Path) -> Iterator[str]:
    """Address of a PostgreSQL of the tests' own; it refuses to run as root."""
    account = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else os.getuid()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        os.chown(data, account, -1)
        Path(folder).chmod(0o711)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]

        def run(name: str, *options: str) -> None:
            subprocess.run(
                [str(postgresql_programs / name), "-D", str(data), *options],
                check=True,
                cwd=folder,
                stdout=subprocess.DEVNULL,
                user=account if os.getuid() == 0 else None,
            )

        run("initdb", "-U", "study", "-A", "trust", "-E", "UTF8", "--no-sync")
        settings = f"-h 127.0.0.1 -p {port} -k ''"
        run("pg_ctl", "start", "-w", "-l", str(data / "log"), "-o", settings)
        try:
            yield f"postgresql+psycopg://study@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "-m", "immediate")


def _shares(address: str) -> list[int]:
    """How many sessions of each algorithm were begun."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    rows = httpx.get(f"{address}/admin/progress.json", headers=headers, timeout=60).json()["rows"]
    return [row["begun"] for row in rows]


def _run(folder: Path, *options: str) -> None:
    study(folder / "study", sessions=PEOPLE // 2 + 3)
    server = Server(folder / "study", folder / "out", *options)
    try:

        async def killed() -> None:
            for _ in range(KILLS):
                await asyncio.sleep(0.7)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)

        async def both() -> list[object]:
            visited, _ = await asyncio.gather(crowd(server.address, PEOPLE, waits=True), killed())
            return list(visited)

        visited = asyncio.run(both())
        check_kept(server.address, visited, LENGTH)  # type: ignore[arg-type]
        assert _shares(server.address) == [PEOPLE // 2, PEOPLE // 2]
    finally:
        server.kill()


def test_kill_9_under_load_loses_nothing(tmp_path: Path) -> None:
    _run(tmp_path)


@pytest.mark.postgresql
def test_kill_9_under_load_loses_nothing_in_postgresql(tmp_path: Path, postgresql: str) -> None:
    _run(tmp_path, "--database", postgresql)
