"""What the commands of the gate do: key, attest, verify. They need no engine, print nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness import clock
from harness.answers import Answer, Options
from harness.errors import ExitCode, InputInvalid, collect
from harness.gate import artifacts, attestation_reader, dsse, issuing, keys, summary
from harness.gate.attestation import COMMIT, MANIFESTS, PLAN
from harness.gate.facts import is_commit
from harness.gate.verify import Expected
from harness.gate.verify import verify as compare
from harness.model.verdict import Verdict
from harness.plan import Lane
from harness.report import markdown
from harness.stack.folders import REPOSITORY

_CODES = {
    Verdict.SUPPORTED: ExitCode.SUPPORTED,
    Verdict.REFUTED: ExitCode.REFUTED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}


def key(options: Options, stop: threading.Event) -> Answer:
    """Create a key pair that signs attestations."""
    pair = keys.create(Path(options.out))
    return Answer(
        text=(
            f"Private key: {pair.private} (keep it secret; attest --key)\n"
            f"Public key: {pair.public} (verify --key)\nFingerprint: {pair.fingerprint}"
        ),
        data={
            "private": str(pair.private),
            "public": str(pair.public),
            "fingerprint": pair.fingerprint,
        },
    )


def attest(options: Options, stop: threading.Event) -> Answer:
    """Decide on a stored run and write its attestation and its report.md."""
    issued = issuing.issue(
        Path(options.path),
        repository=REPOSITORY,
        now=clock.wall(),
        plan=_path(options.plan),
        key=_path(options.key),
    )
    report = markdown.write(issued.path.parent)
    return Answer(
        text=summary.of_attestation(issued) + f"\nReport: {report}",
        data={
            "attestation": str(issued.path),
            "report": str(report),
            "signer": issued.signer,
            **summary.as_data(issued.decision),
        },
        exit_code=_CODES[issued.decision.verdict],
    )


def verify(options: Options, stop: threading.Event) -> Answer:
    """Compare an attestation with what is about to be applied."""
    problems: list[str] = []
    path = Path(options.attestation)
    public = collect(
        problems, lambda: None if options.key is None else keys.load_public(Path(options.key))
    )
    digests = _digests_at_hand(options, problems)
    envelope = collect(problems, lambda: dsse.read(path))
    attestation = None
    if envelope is not None:
        payload = envelope.payload
        attestation = collect(problems, lambda: attestation_reader.parse(payload, path))
    if envelope is None or attestation is None or problems:
        raise InputInvalid(problems)
    expected = Expected(
        now=clock.wall(),
        age_max=options.age_max,
        digests=digests,
        key=public,
        lane=None if options.asked_lane is None else Lane(options.asked_lane),
    )
    verification = compare(envelope, attestation, expected)
    return Answer(
        text=summary.of_verification(path, verification),
        data={
            "attestation": str(path),
            "run": attestation.evidence.run,
            "verified": verification.verdict is Verdict.SUPPORTED,
            "mismatches": [
                {"verdict": each.verdict.value, "what": each.sentence}
                for each in verification.mismatches
            ],
            "unchecked": list(verification.unchecked),
        },
        exit_code=_CODES[verification.verdict],
    )


COMMANDS: Mapping[str, Callable[[Options, threading.Event], Answer]] = {
    "attest": attest,
    "verify": verify,
    "key": key,
}


def _digests_at_hand(options: Options, problems: list[str]) -> dict[str, str]:
    found: dict[str, Any] = {}
    plan, manifests, commit = _path(options.plan), _path(options.manifests), options.commit
    if commit is not None:
        found[COMMIT] = commit
        if not is_commit(commit):
            problems.append(
                f"--commit: expected the 40 hexadecimal digits of a git commit, got {commit!r}. "
                "Next step: git rev-parse HEAD prints them"
            )
    if manifests is not None:
        found[MANIFESTS] = collect(problems, lambda: artifacts.digest_of_manifests(manifests))
    if plan is not None:
        found[PLAN] = collect(problems, lambda: artifacts.digest_of_file(plan, "a Terraform plan"))
    return {name: str(digest) for name, digest in found.items()}


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
