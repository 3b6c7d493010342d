"""An audit as data for machines: JSON of our own, and SARIF 2.1.0 for code hosts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.audit.judging import Audit, RuleResult
from harness.audit.resource import Place
from harness.audit.rule import Defect, Rule, Severity, Undecided

SARIF_VERSION = "2.1.0"
SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS: Mapping[Severity, str] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "note",
}


def message(defect: Defect) -> str:
    """Return a finding as one sentence: what, expected, got, next step."""
    return (
        f"{defect.subject}: expected {defect.expected}, got {defect.got}. "
        f"Next step: {defect.next_step}."
    )


def as_json(audit: Audit) -> dict[str, Any]:
    """Return the whole audit: verdict, findings, every rule's state, and what was not judged."""
    return {
        "verdict": str(audit.verdict),
        "reason": audit.reason,
        "inputs": [str(domain) for domain in audit.given],
        "findings": [_finding(rule, defect) for rule, defect in audit.findings],
        "rules": [_rule_state(result) for result in audit.results],
        "undecided": [
            {"rule": r.rule.id, **_place(u.place), "subject": u.subject, "why": u.why}
            for r in audit.results
            for u in r.undecided
        ],
        "not_judged": [{"what": n.what, "why": n.why, **_place(n.place)} for n in audit.not_judged],
        "notes": list(audit.notes),
    }


def as_sarif(audit: Audit, root: Path) -> dict[str, Any]:
    """Return the audit as a SARIF log; files below ``root`` are named relative to it.

    Findings are results of kind fail, what could not be decided is of kind open.
    """
    rules = [result.rule for result in audit.results]
    index = {rule.id: number for number, rule in enumerate(rules)}
    results = [
        _result(rule, index, defect.place, message(defect), _LEVELS[rule.severity], "fail", root)
        for rule, defect in audit.findings
    ]
    results += [
        _result(r.rule, index, u.place, _open(u), "none", "open", root)
        for r in audit.results
        for u in r.undecided
    ]
    driver = {
        "name": "smart-dairy-harness audit",
        "rules": [_descriptor(rule) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"verdict": str(audit.verdict), "notes": list(audit.notes)},
    }
    return {"$schema": SARIF_SCHEMA, "version": SARIF_VERSION, "runs": [run]}


def _open(undecided: Undecided) -> str:
    return f"{undecided.subject}: not decided, {undecided.why}."


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line}


def _finding(rule: Rule, defect: Defect) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "severity": str(rule.severity),
        "promises": list(rule.promises),
        **_place(defect.place),
        "subject": defect.subject,
        "expected": defect.expected,
        "got": defect.got,
        "next_step": defect.next_step,
        "why": rule.why,
        "source": rule.source,
    }


def _rule_state(result: RuleResult) -> dict[str, Any]:
    return {
        "id": result.rule.id,
        "state": str(result.state),
        "judged": result.judged,
        "findings": len(result.defects),
        "undecided": len(result.undecided),
        "required": result.rule.required,
        "needs": sorted(result.rule.needs),
    }


def _descriptor(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.judge.__doc__ or rule.why},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"Source: {rule.source}. Touches: {', '.join(rule.promises)}."},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": list(rule.promises)},
    }


def _result(
    rule: Rule,
    index: Mapping[str, int],
    place: Place,
    text: str,
    level: str,
    kind: str,
    root: Path,
) -> dict[str, Any]:
    physical = {
        "artifactLocation": {"uri": _uri(place.file, root)},
        "region": {"startLine": max(place.line, 1)},
    }
    return {
        "ruleId": rule.id,
        "ruleIndex": index[rule.id],
        "kind": kind,
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": physical}],
    }


def _uri(file: str, root: Path) -> str:
    path = Path(file).absolute()
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return path.as_uri()
