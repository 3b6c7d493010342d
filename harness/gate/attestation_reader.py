"""Reads an in-toto statement of the gate back into its type, naming every problem of its form."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from harness.errors import InputInvalid
from harness.gate import canonical
from harness.gate.attestation import (
    GIT_COMMIT,
    PREDICATE_TYPE,
    SHA256,
    STATEMENT_TYPE,
    Attestation,
    Evidence,
    Subject,
)
from harness.gate.facts import is_commit, moment, truth, whole
from harness.gate.policy import ClaimDecision, Decision
from harness.gate.waivers import Waiver
from harness.model.verdict import Verdict
from harness.report.fields import Fields

_FORMS = {SHA256: canonical.is_sha256, GIT_COMMIT: is_commit}


def parse(payload: bytes, path: Path) -> Attestation:
    """Return the attestation in a statement's bytes; ``path`` is the file that they came from.

    Raises InputInvalid with every problem, among them a statement that contradicts itself: an
    outcome or a decision that does not follow from the verdicts and waivers beside it.
    """
    problems: list[str] = []
    fields = Fields(path, "", canonical.decode(payload, f"{path}: payload"), problems)
    for name, expected in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
        if fields.value(name) != expected:
            fields.problem(name, repr(expected), fields.value(name))
    predicate = fields.object("predicate")
    run = predicate.object("run") if predicate else None
    decision = predicate.object("decision") if predicate else None
    if predicate is None or run is None or decision is None:
        raise InputInvalid(problems)
    attestation = Attestation(
        subjects=tuple(_subjects(fields)),
        evidence=_evidence(run),
        decision=_decision(decision),
        differences=predicate.texts("differences"),
    )
    if problems:
        raise InputInvalid(problems)
    return attestation


def _subjects(fields: Fields) -> Iterator[Subject]:
    names = set()
    for each in fields.objects("subject"):
        name = each.text("name")
        if name in names:
            each.problem("name", "each subject once", name)
        names.add(name)
        digest = each.value("digest")
        if not isinstance(digest, dict) or len(digest) != 1:
            each.problem("digest", "an object with one digest", digest)
            continue
        algorithm, value = next(iter(digest.items()))
        form = _FORMS.get(algorithm)
        if form is None or not isinstance(value, str) or not form(value):
            each.problem("digest", "sha256 or gitCommit in lower-case hexadecimal", digest)
            continue
        yield Subject(name, algorithm, value)


def _evidence(fields: Fields) -> Evidence:
    files: dict[str, str] = {}
    listed = fields.object("files")
    stored = fields.value("files") if listed else {}
    for name in stored:
        digest = listed.object(name) if listed else None
        if digest is not None and not canonical.is_sha256(digest.text(SHA256)):
            digest.problem(SHA256, "64 hexadecimal digits", digest.value(SHA256))
        elif digest is not None:
            files[name] = digest.text(SHA256)
    return Evidence(
        run=fields.text("id"),
        lane=fields.text("lane", required=False),
        seed=whole(fields, "seed"),
        started=moment(fields, "started"),
        finished=moment(fields, "finished"),
        code=fields.text("code", required=False),
        files=files,
    )


def _decision(fields: Fields) -> Decision:
    decision = Decision(
        day=_day(fields, "day"),
        claims=tuple(_claim(each) for each in fields.objects("claims")),
        refusals=fields.texts("refusals"),
        remarks=fields.texts("remarks"),
    )
    ids = [claim.id for claim in decision.claims]
    for repeated in sorted({id for id in ids if ids.count(id) > 1}):
        fields.problem("claims", "each claim once", repeated)
    if truth(fields, "admitted") is not decision.admitted:
        expected = f"{decision.admitted}, as its claims and refusals say"
        fields.problem("admitted", expected, fields.value("admitted"))
    if fields.enum("verdict", Verdict, Verdict.INCONCLUSIVE) is not decision.verdict:
        expected = f"{decision.verdict.value}, as its claims and refusals say"
        fields.problem("verdict", expected, fields.value("verdict"))
    return decision


def _claim(fields: Fields) -> ClaimDecision:
    waiver = fields.object("waiver", required=False)
    claim = ClaimDecision(
        id=fields.text("id"),
        verdict=fields.enum("verdict", Verdict, Verdict.INCONCLUSIVE),
        reason=fields.text("reason"),
        bound=fields.text("bound"),
        measured=fields.text("measured"),
        documented=fields.text("documented"),
        fidelity=fields.text("fidelity"),
        waiver=None if waiver is None else _waiver(waiver),
    )
    if claim.waiver is not None and claim.waiver.claim != claim.id:
        fields.problem("waiver.claim", repr(claim.id), claim.waiver.claim)
    if fields.value("outcome") != claim.outcome.value:
        expected = f"{claim.outcome.value!r}, as its verdict and waiver say"
        fields.problem("outcome", expected, fields.value("outcome"))
    return claim


def _waiver(fields: Fields) -> Waiver:
    return Waiver(
        claim=fields.text("claim"),
        reason=fields.text("reason"),
        owner=fields.text("owner"),
        expires=_day(fields, "expires"),
        compensating_measure=fields.text("compensating_measure"),
    )


def _day(fields: Fields, name: str) -> date:
    text = fields.text(name)
    with contextlib.suppress(ValueError):
        return date.fromisoformat(text)
    fields.problem(name, "a day such as 2026-12-31", text)
    return date.min
