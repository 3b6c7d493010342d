"""junit.xml: one test case for each claim, for pipelines that show test results.

Refuted is a failure, inconclusive an error, supported passes. Written with the standard library's
ElementTree, which escapes every text.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from harness.model.verdict import Verdict
from harness.report import wording
from harness.report.stored import StoredClaim, StoredRun, read_run

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {Verdict.REFUTED: "failure", Verdict.INCONCLUSIVE: "error"}


REPORT_FILE = "junit.xml"


def write(run_dir: Path) -> Path:
    """Write ``junit.xml`` into a results folder and return its path; raises InputInvalid."""
    path = run_dir / REPORT_FILE
    path.write_text(render(read_run(run_dir)), encoding="utf-8")
    return path


def render(run: StoredRun) -> str:
    """Return the run as JUnit XML with an XML declaration."""
    counts = wording.counts(run)
    attributes = {
        "tests": str(len(run.claims)),
        "failures": str(counts[Verdict.REFUTED]),
        "errors": str(counts[Verdict.INCONCLUSIVE]),
    }
    root = ET.Element("testsuites", attributes)
    suite = ET.SubElement(root, "testsuite", {"name": _text(run.run), **attributes})
    if not run.claims:
        # An empty suite would be shown as a pass.
        suite.set("tests", "1")
        suite.set("errors", "1")
        case = ET.SubElement(suite, "testcase", {"classname": "claims", "name": "any claim"})
        ET.SubElement(case, "error", {"message": "No claim was judged: inconclusive."})
    for claim in run.claims:
        _case(suite, claim)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _case(suite: ET.Element, claim: StoredClaim) -> None:
    names = {"classname": _text(claim.experiment or "claims"), "name": _text(claim.id)}
    case = ET.SubElement(suite, "testcase", names)
    element = _ELEMENTS.get(claim.verdict)
    if element:
        message = {"message": _text(claim.reason), "type": claim.verdict.value}
        ET.SubElement(case, element, message).text = _text(_details(claim))
    else:
        ET.SubElement(case, "system-out").text = _text(_details(claim))


def _details(claim: StoredClaim) -> str:
    lines = [
        claim.sentence,
        f"place: {claim.place or 'not stored'}",
        f"bound: {wording.bound(claim.bound)}",
        f"measured: {wording.measurement(claim.measured)} ({wording.trials(claim)})",
        f"documented: {wording.documented(claim.documented)}",
        f"fidelity: {claim.fidelity.value}",
        f"reason: {claim.reason}",
        f"sabotage {claim.sabotage.what or '-'}: {wording.sabotage(claim.sabotage)}",
        f"evidence: {', '.join(claim.evidence) or 'none'}",
    ]
    return "\n".join(line for line in lines if line)


def _text(value: str) -> str:
    """Replace characters that no XML document may hold, such as terminal escape codes."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)
