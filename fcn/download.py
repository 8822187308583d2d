"""How a file is fetched: resumed, checked, bounded, retried, and put in place in one step.

While it arrives, the file lies beside its destination as ``<name>.part``, with ``<name>.part.json``
saying which version of which address it is a part of, so that an interrupted download goes on where
it stopped and never joins two versions.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcn.errors import DownloadError, FCNError
from fcn.files import replacing, sha256_of, sync_folder

if TYPE_CHECKING:
    import httpx

__all__ = ["download"]

MAX_BYTES = (1 << 31) - 1
MAX_REDIRECTS = 5
ATTEMPTS = 4
MAX_ROUNDS = 30
BACKOFF_SECONDS = 1.0
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
LOCK_SECONDS = 60.0
RETRIED_STATUS = {408, 425, 429, 500, 502, 503, 504}

Progress = Callable[[int, int], None]


class _Retry(Exception):  # noqa: N818 - a signal, not an error that anybody sees
    """This attempt failed in a way that another one may not."""


class _GiveUp(Exception):  # noqa: N818
    """This address will not give the file, however often it is asked."""


@dataclass(slots=True)
class _Job:
    """One file that is wanted, from one address."""

    url: str
    part: Path
    sha256: str | None
    size: int | None
    max_bytes: int
    progress: Progress | None

    @property
    def state(self) -> Path:
        return self.part.with_name(self.part.name + ".json")


def download(
    urls: Sequence[str],
    destination: str | os.PathLike[str],
    *,
    sha256: str | None = None,
    size: int | None = None,
    progress: Progress | None = None,
    check: Callable[[Path], object] | None = None,
    max_bytes: int = MAX_BYTES,
) -> Path:
    """Fetch a file from the first address that gives it.

    Args:
        urls: http(s) addresses of the same file, tried in order.
        destination: Where it shall lie. What is there already is kept if it has the right
            ``size`` and ``sha256`` (as far as given), and fetched anew if not.
        sha256: Of its content, in hexadecimal, if known.
        size: Its bytes, if known.
        progress: Called with the bytes that are there and the bytes in all (0 if unknown).
        check: Called with the complete file before it is put in place; a file that it raises
            :class:`~fcn.errors.FCNError` for is thrown away.
        max_bytes: More is never written.

    Returns:
        ``destination``.

    Raises:
        DownloadError: No address gave the file (offline, for one); the message says how to get it
            by hand and where to put it. What arrived is kept for the next call.
    """
    from filelock import FileLock, Timeout

    destination = Path(destination)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{destination}.lock", timeout=LOCK_SECONDS):
            if _is_there(destination, sha256, size):
                return destination
            part = destination.with_name(destination.name + ".part")
            reasons = []
            for url in urls:
                job = _Job(url, part, sha256, size, max_bytes, progress)
                try:
                    _fetch(job)
                    _accept(job, check)
                except _GiveUp as reason:
                    reasons.append(f"  {url}: {reason}")
                    continue
                part.replace(destination)
                job.state.unlink(missing_ok=True)
                sync_folder(destination.parent)
                return destination
    except Timeout as error:
        raise DownloadError(
            f"{destination}: another download of it has been running for over "
            f"{LOCK_SECONDS:.0f} s; wait for it and try again"
        ) from error
    except OSError as error:
        raise DownloadError(f"{destination}: could not be written: {error}") from error
    raise DownloadError(
        "\n".join([f"could not fetch {destination.name}:", *reasons])
        + "\nTo get it by hand, fetch it with a browser (or on a machine that is online), "
        f"and save it as {destination}"
    )


def _is_there(destination: Path, sha256: str | None, size: int | None) -> bool:
    if not destination.is_file() or size not in (None, destination.stat().st_size):
        return False
    return sha256 is None or sha256_of(destination) == sha256.lower()


def _accept(job: _Job, check: Callable[[Path], object] | None) -> None:
    """Raise unless the complete part is the wanted file; throw it away then."""
    try:
        if job.size not in (None, found_size := _part_size(job)):
            raise _GiveUp(f"got {found_size} bytes, expected {job.size}")
        if job.sha256 is not None and (found := sha256_of(job.part)) != job.sha256.lower():
            raise _GiveUp(f"got a file with sha256 {found}, expected {job.sha256}")
        if check is not None:
            try:
                check(job.part)
            except FCNError as error:
                raise _GiveUp(f"got a file that cannot be used: {error}") from error
    except _GiveUp:
        _forget(job)
        raise


def _forget(job: _Job) -> None:
    job.part.unlink(missing_ok=True)
    job.state.unlink(missing_ok=True)


def _fetch(job: _Job) -> None:
    """Complete the part, over as many connections as it takes within bounds."""
    import httpx

    # Retries are ours and not a transport's, because a client that is given a transport no longer
    # looks at the proxy settings of its environment.
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    failures = 0
    try:
        client = httpx.Client(timeout=timeout, follow_redirects=True, max_redirects=MAX_REDIRECTS)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise _GiveUp(f"the proxy settings of the environment are unusable: {error}") from error
    with client:
        for _ in range(MAX_ROUNDS):
            before = _part_size(job)
            try:
                _attempt(job, client)
            except (httpx.TooManyRedirects, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                raise _GiveUp(f"{error or type(error).__name__}") from error
            except (httpx.HTTPError, _Retry) as error:
                failures = 1 if _part_size(job) > before else failures + 1
                if failures >= ATTEMPTS:
                    raise _GiveUp(f"{error or type(error).__name__}") from error
                time.sleep(BACKOFF_SECONDS * 2 ** (failures - 1))
            else:
                return
    raise _GiveUp(f"the connection broke {MAX_ROUNDS} times")


def _part_size(job: _Job) -> int:
    return job.part.stat().st_size if job.part.is_file() else 0


def _attempt(job: _Job, client: httpx.Client) -> None:
    """Ask once for what is missing, and write it."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "p2p-eval"}
    validator = _validator(job)
    offset = _part_size(job) if validator is not None else 0
    if offset and validator is not None:
        headers |= {"Range": f"bytes={offset}-", "If-Range": validator}
    with client.stream("GET", job.url, headers=headers) as response:
        if response.status_code == 416 and offset:  # there is nothing after the part
            if response.headers.get("Content-Range") == f"bytes */{offset}":
                return  # it was complete, and an interrupt came before it was put in place
            _forget(job)
            raise _Retry("the server refused to resume")
        if response.status_code in RETRIED_STATUS:
            raise _Retry(f"the server answered {response.status_code} {response.reason_phrase}")
        if response.status_code not in (200, 206):
            raise _GiveUp(f"the server answered {response.status_code} {response.reason_phrase}")
        if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
            raise _GiveUp(f"the server sent it encoded as {encoding[:40]}, expected plain bytes")
        if response.status_code == 200:
            offset = 0
        elif not _continues(response, offset):
            _forget(job)
            raise _Retry("the server sent another part than the one asked for")
        total = _total(job, response, offset)
        with job.part.open("ab" if offset else "wb") as file:
            if offset == 0:  # only now, when no byte of another version is left
                _remember(job, response)
            _receive(job, response, file, offset, total)
            file.flush()
            os.fsync(file.fileno())


def _receive(job: _Job, response: httpx.Response, file: Any, end: int, total: int | None) -> None:
    limit = job.max_bytes if total is None else total
    if job.progress is not None:
        job.progress(end, total or 0)
    for chunk in response.iter_raw():  # as they come: a size would hold some back
        if end + len(chunk) > limit:
            _forget(job)
            raise _GiveUp(f"got more than {limit} bytes")
        file.write(chunk)
        end += len(chunk)
        if job.progress is not None:
            job.progress(end, total or 0)
    if total is not None and end < total:
        raise _Retry(f"the connection ended after {end} of {total} bytes")


def _total(job: _Job, response: httpx.Response, offset: int) -> int | None:
    """Return the bytes of the whole file as announced, if they are, after a look at the bounds."""
    length = response.headers.get("Content-Length", "")
    if not re.fullmatch(r"[0-9]{1,18}", length):
        return job.size
    total = offset + int(length)
    if job.size not in (None, total):
        _forget(job)
        raise _GiveUp(f"the server has a file of {total} bytes, expected {job.size}")
    if total > job.max_bytes:
        raise _GiveUp(f"the server has a file of {total} bytes, over the limit {job.max_bytes}")
    return total


def _continues(response: httpx.Response, offset: int) -> bool:
    found = re.match(r"bytes ([0-9]{1,18})-", response.headers.get("Content-Range", ""))
    return found is not None and offset > 0 and int(found[1]) == offset


def _remember(job: _Job, response: httpx.Response) -> None:
    """Note which version the part belongs to; only a strong validator can tell versions apart."""
    validator = response.headers.get("ETag", "")
    if not validator or validator.startswith("W/"):
        validator = response.headers.get("Last-Modified", "")
    with replacing(job.state) as file:
        file.write(json.dumps({"url": job.url, "validator": validator[:1000]}).encode())


def _validator(job: _Job) -> str | None:
    """Return what identifies the part's version on the server, or None if it cannot be resumed."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        state = json.loads(job.state.read_bytes()[:10_000])
        if state.get("url") == job.url and isinstance(state.get("validator"), str):
            return state["validator"] or None
    return None
