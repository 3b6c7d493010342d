"""What the gate leaves behind: an in-toto statement that ties a decision to what it decides on.

Subjects are the git commit, the rendered production manifests, the Terraform plan where there is
one, and the images that the rehearsal ran. The predicate holds the decision with every claim and
waiver, the run it was made from, and the differences from production.

The bytes depend only on the run, the waivers and the day of the decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from harness.gate import canonical
from harness.gate.facts import RunFacts
from harness.gate.policy import ClaimDecision, Decision
from harness.gate.waivers import Waiver

ATTESTATION_FILE = "attestation.json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://smart-dairy.example/attestation/rehearsal/v1"

COMMIT = "commit"
MANIFESTS = "manifests/production"
PLAN = "terraform-plan"
IMAGE_PREFIX = "rehearsed-image/"
GIT_COMMIT = "gitCommit"
SHA256 = "sha256"


@dataclass(frozen=True)
class Subject:
    """A thing that the decision is about: its name, and its digest by algorithm."""

    name: str
    algorithm: str
    digest: str


@dataclass(frozen=True)
class Evidence:
    """The run that a decision was made from; digests are SHA-256 in hexadecimal by file name."""

    run: str
    lane: str
    seed: int | None
    started: datetime | None
    finished: datetime | None
    code: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Attestation:
    """A decision with its subjects and its evidence."""

    subjects: tuple[Subject, ...]
    evidence: Evidence
    decision: Decision
    differences: tuple[str, ...]

    def digest_of(self, name: str) -> str | None:
        """Return the digest of the subject with that name, None when it has none."""
        return next((each.digest for each in self.subjects if each.name == name), None)


def subjects_of(facts: RunFacts, plan: str | None) -> tuple[Subject, ...]:
    """Return the subjects of a run; ``plan`` is the Terraform plan's SHA-256, if there is one."""
    found = []
    if facts.commit_known:
        found.append(Subject(COMMIT, GIT_COMMIT, facts.commit))
    if facts.manifests is not None:
        found.append(Subject(MANIFESTS, SHA256, facts.manifests))
    if plan is not None:
        found.append(Subject(PLAN, SHA256, plan))
    # The images of the rehearsal, stand-in applications among them: not those of production.
    for name, digest in sorted(facts.images.items()):
        found.append(Subject(IMAGE_PREFIX + name, SHA256, digest))
    return tuple(found)


def evidence_of(facts: RunFacts, files: Mapping[str, bytes]) -> Evidence:
    """Return the evidence of a run; ``files`` are the contents that the decision was made from."""
    return Evidence(
        run=facts.run,
        lane=facts.lane,
        seed=facts.seed,
        started=facts.started,
        finished=facts.finished,
        code=facts.code,
        files={name: canonical.sha256(data) for name, data in files.items()},
    )


def statement(attestation: Attestation) -> bytes:
    """Return the in-toto statement of an attestation; equal attestations have equal bytes."""
    evidence, decision = attestation.evidence, attestation.decision
    predicate = {
        "decision": {
            "admitted": decision.admitted,
            "verdict": decision.verdict.value,
            "day": decision.day.isoformat(),
            "refusals": list(decision.refusals),
            "remarks": list(decision.remarks),
            "claims": [_claim(each) for each in decision.claims],
        },
        "run": {
            "id": evidence.run,
            "lane": evidence.lane,
            "seed": evidence.seed,
            "started": _time(evidence.started),
            "finished": _time(evidence.finished),
            "code": evidence.code,
            "files": {name: {SHA256: digest} for name, digest in evidence.files.items()},
        },
        "differences": list(attestation.differences),
    }
    return canonical.encode(
        {
            "_type": STATEMENT_TYPE,
            "subject": [_subject(each) for each in attestation.subjects],
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )


def text_of_differences(stored: Sequence[Any] | None) -> tuple[str, ...]:
    """Return what differs from production, with the claims that each difference weakens."""
    texts = []
    for each in stored or ():
        weakens = f" (weakens {', '.join(each.weakens)})" if each.weakens else ""
        texts.append(f"{each.what}{weakens}")
    return tuple(texts)


def _subject(subject: Subject) -> dict[str, Any]:
    return {"name": subject.name, "digest": {subject.algorithm: subject.digest}}


def _claim(claim: ClaimDecision) -> dict[str, Any]:
    return {
        "id": claim.id,
        "outcome": claim.outcome.value,
        "verdict": claim.verdict.value,
        "reason": claim.reason,
        "bound": claim.bound,
        "measured": claim.measured,
        "documented": claim.documented,
        "fidelity": claim.fidelity,
        "waiver": None if claim.waiver is None else _waiver(claim.waiver),
    }


def _waiver(waiver: Waiver) -> dict[str, str]:
    return {
        "claim": waiver.claim,
        "reason": waiver.reason,
        "owner": waiver.owner,
        "expires": _day(waiver.expires),
        "compensating_measure": waiver.compensating_measure,
    }


def _day(day: date) -> str:
    return day.isoformat()


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
