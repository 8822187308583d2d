"""The connection to Mechanical Turk's API, and what its faults mean. Needs the ``mturk`` extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from p2p_eval.errors import InputError

__all__ = ["ENDPOINTS", "Environment", "already_exists", "connect", "explained", "pages"]

Environment = Literal["sandbox", "live"]

REGION = "us-east-1"
ENDPOINTS: dict[Environment, str] = {
    "sandbox": f"https://mturk-requester-sandbox.{REGION}.amazonaws.com",
    "live": f"https://mturk-requester.{REGION}.amazonaws.com",
}
MAX_PAGES = 10_000
TRIES = 6


def connect(environment: Environment, endpoint: str | None = None) -> Any:
    """Return boto3's client, which tries throttled requests and faults of the service again.

    Args:
        environment: Real people and money, or the sandbox.
        endpoint: Another address, such as that of an emulation.

    Raises:
        InputError: boto3 is not installed, or the endpoint is no address.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise InputError(
            "the API of Mechanical Turk needs boto3, which is not installed; "
            "pip install 'p2p-eval[mturk]', or use the web interface as README.md beside the "
            "exported question.html says"
        ) from error
    address = endpoint or ENDPOINTS[environment]
    settings = Config(
        retries={"mode": "standard", "total_max_attempts": TRIES},
        connect_timeout=10,
        read_timeout=30,
    )
    try:
        # A session of its own: boto3's default one would keep the credentials of an earlier call.
        session = boto3.Session(region_name=REGION)
        return session.client("mturk", endpoint_url=address, config=settings)
    except ValueError as error:
        raise InputError(
            f"--endpoint: got {address[:120]!r}, expected an address such as http://127.0.0.1:8000"
        ) from error


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn what boto3 raises inside into an InputError that says what to do.

    Args:
        doing: What it is that failed.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except NoCredentialsError as error:
        raise InputError(
            f"{doing}: no AWS credentials were found; set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, of an account that is linked to Mechanical Turk"
        ) from error
    except ClientError as error:
        raise InputError(f"{doing}: {_reason(error)}") from error
    except BotoCoreError as error:
        raise InputError(
            f"{doing}: {error}; check the network and run the same command again: what was done "
            "is kept"
        ) from error


def already_exists(error: Exception) -> bool:
    """Whether a request was refused because what it makes is there already."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return False
    text = f"{response.get('TurkErrorCode', '')} {response.get('Error', {}).get('Message', '')}"
    return "alreadyexists" in text.lower().replace(" ", "").replace("_", "")


def pages(operation: Any, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    """Yield what an operation lists under a key, page by page.

    Raises:
        InputError: There is no end to it.
    """
    token: dict[str, str] = {}
    for _ in range(MAX_PAGES):
        reply = operation(MaxResults=100, **arguments, **token)
        yield from reply.get(key, [])
        if not reply.get("NextToken"):
            return
        token = {"NextToken": reply["NextToken"]}
    raise InputError(f"the service lists over {MAX_PAGES} pages of {key}; try again later")


def _reason(error: Any) -> str:
    """What the service said, and what to do."""
    code = error.response.get("TurkErrorCode") or error.response.get("Error", {}).get("Code", "")
    message = str(error.response.get("Error", {}).get("Message", ""))[:300]
    again = "run the same command again: what was done is kept"
    text = f"{code} {message}".lower()
    if "insufficient" in text:
        advice = f"add funds to the requester account, then {again}"
    elif "throttl" in text or "servicefault" in text or "internal" in text:
        advice = f"the service is busy; wait some minutes, then {again}"
    elif "accessdenied" in text or "signature" in text or "token" in text:
        advice = "check the AWS credentials and that their account is linked to Mechanical Turk"
    else:
        advice = f"mend that, then {again}"
    return f"Mechanical Turk says {message!r} ({code}); {advice}"
