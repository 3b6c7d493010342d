"""Decisions and verifications in words, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.gate.issuing import Issued
from harness.gate.policy import ClaimDecision, Decision, Outcome
from harness.gate.verify import Verification
from harness.model.verdict import Verdict


def headline(decision: Decision) -> str:
    """Return the decision in one sentence, such as ``Refused: 2 of 31 claims, ...``."""
    if decision.admitted:
        waived = f", {len(decision.waived)} of them by waiver" if decision.waived else ""
        return f"Admitted: {len(decision.claims)} claims{waived}."
    parts = []
    if decision.refused:
        parts.append(f"{len(decision.refused)} of {len(decision.claims)} claims refuse")
    if decision.refusals or not decision.claims:
        count = max(1, len(decision.refusals))
        parts.append(f"{count} {'fault' if count == 1 else 'faults'} of the run itself")
    return f"Refused: {', '.join(parts)}."


def of_claim(claim: ClaimDecision) -> str:
    """Return what the gate makes of a claim, with its waiver if it has one."""
    return f"{claim.id} ({claim.verdict.value}): {reason_of(claim)}"


def reason_of(claim: ClaimDecision) -> str:
    """Return why a claim has its verdict, followed by its waiver if it has one."""
    waiver = claim.waiver
    if waiver is None:
        return claim.reason
    return (
        f"{claim.reason} Waived until {waiver.expires} by {waiver.owner}: {waiver.reason} "
        f"Meanwhile: {waiver.compensating_measure}"
    )


def of_attestation(issued: Issued) -> str:
    """Return a decision and where its attestation is, in lines."""
    signed = (
        "NOT signed; attest --key K signs it"
        if issued.signer is None
        else f"signed by key {issued.signer}"
    )
    lines = [headline(issued.decision), *_details(issued.decision)]
    return _lines([*lines, f"Attestation: {issued.path} ({signed})"])


def of_verification(path: Path, verification: Verification) -> str:
    """Return the result of a verification in lines, mismatches first."""
    if verification.verdict is Verdict.SUPPORTED:
        lines = [f"Verified: {path} admits what is to be applied."]
    else:
        count = len(verification.mismatches)
        plural = "mismatch" if count == 1 else "mismatches"
        lines = [f"Not verified: {path}, {count} {plural}. Do not apply."]
    lines += [f"  {each.sentence}" for each in verification.mismatches]
    lines += [f"  not compared: {each}" for each in verification.unchecked]
    return _lines(lines)


def as_data(decision: Decision) -> dict[str, Any]:
    """Return a decision for machines."""
    return {
        "admitted": decision.admitted,
        "verdict": decision.verdict.value,
        "day": decision.day.isoformat(),
        "refusals": list(decision.refusals),
        "remarks": list(decision.remarks),
        "claims": [
            {
                "id": claim.id,
                "outcome": claim.outcome.value,
                "verdict": claim.verdict.value,
                "reason": claim.reason,
                "waived_until": claim.waiver.expires.isoformat() if claim.waiver else None,
            }
            for claim in decision.claims
        ],
    }


def _details(decision: Decision) -> Iterator[str]:
    yield from (f"  run: {each}" for each in decision.refusals)
    for outcome in (Outcome.REFUSED, Outcome.WAIVED):
        for claim in decision.claims:
            if claim.outcome is outcome:
                yield f"  {outcome.value}: {of_claim(claim)}"
    yield from (f"  note: {each}" for each in decision.remarks)


def _lines(lines: Sequence[str]) -> str:
    # The texts come from a file that may be forged: one that moved the cursor or began a line of
    # its own could show a verification that never was.
    return "\n".join(
        "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)
        for line in lines
    )
