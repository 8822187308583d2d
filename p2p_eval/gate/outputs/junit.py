"""JUnit's XML: one test case a figure, which GitLab, Jenkins and others show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from p2p_eval.gate.checked import Checked
from p2p_eval.gate.outputs.texts import sentence

__all__ = ["junit", "junit_problems"]

SUITE = "p2p-eval gate"
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


def junit(checked: Checked) -> bytes:
    """Write what was checked; what cannot be told is skipped, or a failure by policy."""
    failed = checked.failures
    skipped = [f for f in checked.of("cannot tell") if not checked.fails(f)]
    suites, suite = _suite(len(checked.figures), failures=len(failed), skipped=len(skipped))
    for figure in checked.figures:
        case = _case(suite, f"{figure.experiment}.{figure.kind}", figure.name)
        text = sentence(figure, checked)
        if checked.fails(figure):
            failure = ET.SubElement(case, "failure", message=_text(text), type=figure.verdict)
            failure.text = _text(
                "\n".join(
                    f"{entry.image}: {entry.baseline:g} -> {entry.current:g}, loss {entry.loss:g}"
                    for entry in figure.worst
                )
            )
        elif figure.verdict == "cannot tell":
            ET.SubElement(case, "skipped", message=_text(text))
        else:
            ET.SubElement(case, "system-out").text = _text(text)
    if checked.notes:
        ET.SubElement(suite, "system-out").text = _text("\n".join(checked.notes))
    return _bytes(suites)


def junit_problems(problems: Sequence[str]) -> bytes:
    """Write why nothing could be compared."""
    suites, suite = _suite(len(problems), errors=len(problems))
    for number, problem in enumerate(problems, 1):
        case = _case(suite, "gate", f"comparable {number}")
        ET.SubElement(case, "error", message=_text(problem), type="not comparable")
    return _bytes(suites)


def _suite(tests: int, **counts: int) -> tuple[ET.Element, ET.Element]:
    totals = {"tests": tests, "failures": 0, "errors": 0, "skipped": 0, **counts}
    attributes = {key: str(value) for key, value in totals.items()}
    suites = ET.Element("testsuites", {"name": SUITE, **attributes})
    return suites, ET.SubElement(suites, "testsuite", {"name": SUITE, **attributes})


def _case(suite: ET.Element, classname: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_text(classname), name=_text(name))


def _text(text: str) -> str:
    return FORBIDDEN.sub("\ufffd", text)


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"
