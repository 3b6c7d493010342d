"""Attests a stored run: reads what it left, decides, and writes ``attestation.json`` beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.documents import CLAIMS_FILE, load_claims
from harness.errors import InputInvalid, collect
from harness.gate import artifacts, dsse, keys, rejudging, waivers
from harness.gate.attestation import (
    ATTESTATION_FILE,
    Attestation,
    evidence_of,
    statement,
    subjects_of,
    text_of_differences,
)
from harness.gate.facts import RunFacts, read_facts
from harness.gate.policy import Decision, Outcome, decide
from harness.report.fields import load_object
from harness.report.stored import RUN_FILE, VERDICT_FILE, StoredRun, read_run

CLAIMS_PATH = Path("experiments") / CLAIMS_FILE
UNJUDGED_PLAN = "The Terraform plan was named when attesting; no digest of it is in run.json."


@dataclass(frozen=True)
class Issued:
    """An attestation as it was written; ``signer`` is the key's fingerprint, None: unsigned."""

    path: Path
    attestation: Attestation
    signer: str | None

    @property
    def decision(self) -> Decision:
        """Return the decision that was attested."""
        return self.attestation.decision


def issue(
    folder: Path,
    *,
    repository: Path,
    now: datetime,
    plan: Path | None = None,
    key: Path | None = None,
) -> Issued:
    """Decide on the run in ``folder`` and write its attestation, also when it is refused.

    Waivers and claims are those of ``repository``, which must be those of the run's commit.
    Raises InputInvalid with every problem of the run's files, of waivers, plan and key at once;
    nothing is written then.
    """
    folder = folder.resolve()
    problems: list[str] = []
    signing = collect(problems, lambda: None if key is None else keys.load_private(key))
    claims = collect(problems, lambda: load_claims(repository / CLAIMS_PATH)) or ()
    given = waivers.read(repository / waivers.WAIVERS_FILE, problems)
    stored = collect(problems, lambda: read_run(folder))
    facts = _facts(folder, problems) if stored is not None else None
    digest = _plan_digest(plan, facts, problems)
    if stored is None or facts is None or not claims:
        raise InputInvalid(problems)
    source: list[str] = []
    if facts.commit_known:
        committed = (waivers.WAIVERS_FILE, CLAIMS_PATH)
        source = artifacts.not_of_commit(repository, facts.commit, committed)
    source += rejudging.contradictions(folder, stored, claims)
    today = now.astimezone(UTC).date()
    decision = decide(stored, facts, claims, given, today=today, source_problems=source)
    problems += waivers.misused(
        given,
        known={claim.id for claim in claims},
        unsupported={c.id for c in decision.claims if c.outcome is not Outcome.SUPPORTED},
        today=today,
    )
    if problems:
        raise InputInvalid(problems)
    if digest is not None and facts.plan is None:
        decision = replace(decision, remarks=(*decision.remarks, UNJUDGED_PLAN))
    attestation = _attestation(folder, repository, stored, facts, digest, decision)
    return _write(folder / ATTESTATION_FILE, attestation, signing)


def _attestation(
    folder: Path,
    repository: Path,
    stored: StoredRun,
    facts: RunFacts,
    plan: str | None,
    decision: Decision,
) -> Attestation:
    sources = (
        folder / RUN_FILE,
        folder / VERDICT_FILE,
        repository / CLAIMS_PATH,
        repository / waivers.WAIVERS_FILE,
    )
    return Attestation(
        subjects=subjects_of(facts, plan),
        evidence=evidence_of(facts, {path.name: path.read_bytes() for path in sources}),
        decision=decision,
        differences=text_of_differences(stored.differences),
    )


def _write(path: Path, attestation: Attestation, key: Ed25519PrivateKey | None) -> Issued:
    data = dsse.encode(dsse.seal(statement(attestation), key))
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    os.replace(beside, path)
    signer = None if key is None else keys.fingerprint(key.public_key())
    return Issued(path, attestation, signer)


def _facts(folder: Path, problems: list[str]) -> RunFacts | None:
    data = load_object(folder / RUN_FILE, problems)
    return None if data is None else read_facts(folder / RUN_FILE, data, problems)


def _plan_digest(plan: Path | None, facts: RunFacts | None, problems: list[str]) -> str | None:
    judged = facts.plan if facts is not None else None
    if plan is None:
        return judged
    digest = collect(problems, lambda: artifacts.digest_of_file(plan, "a Terraform plan"))
    if digest is not None and judged is not None and digest != judged:
        problems.append(
            f"{plan}: expected the plan that the run judged, sha256:{judged}, got "
            f"sha256:{digest}. Next step: name that plan, or run again with this one"
        )
    return digest
