"""Mechanical Turk's requester API as far as studies use it, on loopback, with its faults.

It speaks the JSON protocol that boto3 does: POST, X-Amz-Target, ``__type`` in errors.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

TARGET = "MTurkRequesterServiceV20170117."
PAGE = 2
ANSWERS = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/QuestionFormAnswers.xsd"
NOW = 1_795_790_000.0


class RefusedError(Exception):
    """A RequestError, with the service's code and message."""


@dataclass
class Emulation:
    """The account of one requester, and what goes wrong.

    ``faults`` are taken one a request to the operation they name: ``"throttle"`` and ``"fault"``
    do nothing and say so; ``"lost"`` does it and says that it failed; ``"stop"`` does nothing,
    whatever is tried, until ``faults`` is emptied.
    """

    balance: Decimal = Decimal(10_000)
    url: str = ""
    faults: list[tuple[str, str]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    hits: dict[str, dict[str, Any]] = field(default_factory=dict)
    hit_types: dict[str, dict[str, Any]] = field(default_factory=dict)
    qualifications: dict[str, str] = field(default_factory=dict)
    qualified: set[tuple[str, str]] = field(default_factory=set)
    assignments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    tokens_expire: bool = False  # as they do after 24 hours

    def reset(self) -> None:
        """Forget everything but the address."""
        self.__dict__.update(Emulation(url=self.url).__dict__)

    def count(self, operation: str) -> int:
        return sum(name == operation for name, _ in self.calls)

    def session(self, hit: str) -> str:
        """Which session a worker finds in the page of a HIT."""
        page = ElementTree.fromstring(self.hits[hit]["Question"]).findtext("{*}HTMLContent", "")
        return page.split('name="session" value="')[1].split('"')[0]

    def submit(self, worker: str, hit: str, fields: dict[str, str], at: float = NOW) -> None:
        """Work on a HIT, as a worker who sees it would."""
        kind = self.hit_types[self.hits[hit]["HITTypeId"]]
        for rule in kind["QualificationRequirements"]:
            assert rule["Comparator"] == "DoesNotExist"
            if (rule["QualificationTypeId"], worker) in self.qualified:
                raise PermissionError(f"{worker} does not see {hit}")
        taken = self.assignments.setdefault(hit, [])
        if len(taken) >= self.hits[hit]["MaxAssignments"]:
            raise PermissionError(f"{hit} has been taken")
        answers = "".join(
            f"<Answer><QuestionIdentifier>{escape(name)}</QuestionIdentifier>"
            f"<FreeText>{escape(text)}</FreeText></Answer>"
            for name, text in fields.items()
        )
        taken.append(
            {
                "AssignmentId": f"A{len(self.assignments):03}{hit}",
                "WorkerId": worker,
                "HITId": hit,
                "AssignmentStatus": "Submitted",
                "AcceptTime": at - 300,
                "SubmitTime": at,
                "Answer": '<?xml version="1.0" encoding="UTF-8"?>'
                f'<QuestionFormAnswers xmlns="{ANSWERS}">{answers}</QuestionFormAnswers>',
            }
        )

    def answer(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((operation, body))
        operations = {
            "GetAccountBalance": lambda _: {"AvailableBalance": f"{self.balance:.2f}"},
            "CreateQualificationType": self.create_qualification_type,
            "ListQualificationTypes": self.list_qualification_types,
            "CreateHITType": self.create_hit_type,
            "CreateHITWithHITType": self.create_hit,
            "ListHITs": lambda body: paged("HITs", list(self.hits.values()), body),
            "ListAssignmentsForHIT": lambda body: paged(
                "Assignments", self.assignments.get(body["HITId"], []), body
            ),
            "AssociateQualificationWithWorker": self.associate,
        }
        return operations[operation](body)

    def create_qualification_type(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["Name"] in self.qualifications.values():
            raise RefusedError(
                "AWS.MechanicalTurk.QualificationTypeAlreadyExists",
                "You have already created a QualificationType with this name.",
            )
        id_ = f"Q{len(self.qualifications)}"
        self.qualifications[id_] = body["Name"]
        return {"QualificationType": {"QualificationTypeId": id_, "Name": body["Name"]}}

    def list_qualification_types(self, body: dict[str, Any]) -> dict[str, Any]:
        known = [
            {"QualificationTypeId": id_, "Name": name}
            for id_, name in self.qualifications.items()
            if body["Query"] in name
        ]
        return paged("QualificationTypes", known, body)

    def create_hit_type(self, body: dict[str, Any]) -> dict[str, Any]:
        for id_, known in self.hit_types.items():
            if known == body:
                return {"HITTypeId": id_}
        id_ = f"T{len(self.hit_types)}"
        self.hit_types[id_] = body
        return {"HITTypeId": id_}

    def create_hit(self, body: dict[str, Any]) -> dict[str, Any]:
        token = body["UniqueRequestToken"]
        assert len(token) <= 64
        assert len(body["Question"].encode()) <= 65_535
        if token in self.tokens and not self.tokens_expire:
            raise RefusedError(
                "AWS.MechanicalTurk.HitAlreadyExists",
                f"The HIT with ID {self.tokens[token]!r} already exists.",
            )
        cost = Decimal(self.hit_types[body["HITTypeId"]]["Reward"]) * Decimal("1.2")
        if cost > self.balance:
            raise RefusedError(
                "AWS.MechanicalTurk.InsufficientFunds",
                "This Requester has insufficient funds in their account to complete this "
                "transaction.",
            )
        self.balance -= cost
        hit = {"HITId": f"H{len(self.hits)}", **body}
        self.hits[hit["HITId"]] = hit
        self.tokens[token] = hit["HITId"]
        return {"HIT": hit}

    def associate(self, body: dict[str, Any]) -> dict[str, Any]:
        assert body["QualificationTypeId"] in self.qualifications
        assert body["SendNotification"] is False
        self.qualified.add((body["QualificationTypeId"], body["WorkerId"]))
        return {}

    def fault(self, operation: str) -> str:
        for place, (name, kind) in enumerate(self.faults):
            if name == operation:
                if kind != "stop":
                    del self.faults[place]
                return kind
        return ""


def paged(key: str, entries: list[dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
    start = int(body.get("NextToken", 0))
    reply: dict[str, Any] = {key: entries[start : start + PAGE], "NumResults": len(entries)}
    if start + PAGE < len(entries):
        reply["NextToken"] = str(start + PAGE)
    return reply


def handler(emulation: Emulation) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].removeprefix(TARGET)
            fault = emulation.fault(operation)
            if fault == "throttle":
                self.reply(400, {"__type": "ThrottlingException", "Message": "Rate exceeded"})
                return
            try:
                reply = {} if fault in ("fault", "stop") else emulation.answer(operation, body)
            except RefusedError as error:
                code, message = error.args
                self.reply(
                    400, {"__type": "RequestError", "TurkErrorCode": code, "Message": message}
                )
                return
            if fault:
                self.reply(500, {"__type": "ServiceFault", "Message": "temporarily unable"})
                return
            self.reply(200, reply)

        def reply(self, status: int, document: dict[str, Any]) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


@contextlib.contextmanager
def emulate() -> Iterator[Emulation]:
    """Serve an account at ``<url>`` until the block ends."""
    emulation = Emulation()
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler(emulation))
    http.daemon_threads = False
    emulation.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield emulation
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
