"""Compares an attestation with what is about to be applied; pure, every mismatch is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from harness.gate import keys
from harness.gate.attestation import COMMIT, MANIFESTS, PLAN, Attestation
from harness.gate.dsse import Envelope
from harness.gate.policy import Decision
from harness.model.verdict import Verdict, merge
from harness.plan import Lane

# Two machines of a pipeline may differ by so much before one of them is said to be wrong.
CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True)
class Expected:
    """What the attestation must be about; None means that the caller does not ask.

    ``digests`` are those of the things at hand, by subject name.
    """

    now: datetime
    age_max: timedelta
    digests: Mapping[str, str]
    key: Ed25519PublicKey | None = None
    lane: Lane | None = None


@dataclass(frozen=True)
class Mismatch:
    """One reason not to apply.

    Refuted: the attestation speaks against it. Inconclusive: it does not speak for it.
    """

    verdict: Verdict
    sentence: str


@dataclass(frozen=True)
class Verification:
    """The result: no mismatch means that it may be applied; ``unchecked`` was not asked for."""

    mismatches: tuple[Mismatch, ...]
    unchecked: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Return supported only where nothing was found."""
        return merge([Verdict.SUPPORTED, *(each.verdict for each in self.mismatches)])


def verify(envelope: Envelope, attestation: Attestation, expected: Expected) -> Verification:
    """Return every mismatch between an attestation and what is expected of it.

    ``attestation`` must have been read from the envelope's payload.
    """
    found = (
        *_signature(envelope, expected.key),
        *_decision(attestation.decision, expected.now),
        *_time(attestation, expected),
        *_lane(attestation, expected.lane),
        *_digests(attestation, expected.digests),
    )
    return Verification(found, tuple(_unchecked(envelope, attestation, expected)))


def _signature(envelope: Envelope, key: Ed25519PublicKey | None) -> Iterator[Mismatch]:
    if key is None:
        return
    wanted = keys.fingerprint(key)
    if not envelope.signatures:
        yield _weak(f"Signature: expected one by key {wanted}, got an unsigned attestation")
    elif not envelope.signed_by(key):
        named = ", ".join(each.key or "no key" for each in envelope.signatures)
        yield _against(
            f"Signature: expected one by key {wanted} over this payload, got none that holds "
            f"(signatures name {named}): another key signed it, or it was changed afterwards"
        )


def _decision(stored: Decision, now: datetime) -> Iterator[Mismatch]:
    """Decide anew on today's date: a waiver may have expired since."""
    today = now.astimezone(UTC).date()
    for sentence in stored.refusals:
        yield _weak(f"Run refused: {sentence}")
    if not stored.claims:
        yield _weak("Decision: expected judged claims, got none")
    for claim in stored.refused:
        yield Mismatch(
            claim.verdict, f"Claim {claim.id}: {claim.verdict.value}, no waiver. {claim.reason}"
        )
    for claim in stored.waived:
        waiver = claim.waiver
        if waiver is not None and not waiver.counts_on(today):
            yield Mismatch(
                claim.verdict,
                f"Claim {claim.id}: {claim.verdict.value}, and its waiver by {waiver.owner} "
                f"expired on {waiver.expires}",
            )


def _time(attestation: Attestation, expected: Expected) -> Iterator[Mismatch]:
    finished = attestation.evidence.finished
    if finished is None:
        yield _weak("Age: expected the time at which the run finished, got none")
        return
    age = expected.now - finished
    if age < -CLOCK_TOLERANCE:
        yield _weak(
            f"Age: the run finished at {finished.isoformat()}, which is in the future by this "
            f"machine's clock ({expected.now.isoformat(timespec='seconds')}): one of them is wrong"
        )
    if age > expected.age_max:
        yield _weak(
            f"Age: expected a run of the last {duration(expected.age_max)}, got one that "
            f"finished {duration(age)} ago, at {finished.isoformat()}"
        )
    ahead = attestation.decision.day - (expected.now + CLOCK_TOLERANCE).astimezone(UTC).date()
    if ahead > timedelta(0):
        yield _weak(f"Age: decided on {attestation.decision.day}, a day in the future")


def _lane(attestation: Attestation, lane: Lane | None) -> Iterator[Mismatch]:
    ran = attestation.evidence.lane
    if lane is Lane.FULL and ran != Lane.FULL:
        yield _weak(f"Lane: expected a run on the full lane, got {ran or 'none'}")


def _digests(attestation: Attestation, digests: Mapping[str, str]) -> Iterator[Mismatch]:
    for name, at_hand in digests.items():
        attested = attestation.digest_of(name)
        if attested is None:
            yield _weak(f"{_TITLES[name]}: {at_hand} is to be applied, the attestation names none")
        elif attested != at_hand:
            hint = _HINTS.get(name, "")
            yield _against(
                f"{_TITLES[name]}: {at_hand} is to be applied, attested is {attested}{hint}"
            )


def _unchecked(envelope: Envelope, attestation: Attestation, expected: Expected) -> Iterator[str]:
    if expected.key is None:
        state = "present" if envelope.signatures else "missing: the attestation is unsigned"
        yield f"signature ({state}; --key checks it)"
    options = {COMMIT: "--commit", MANIFESTS: "--manifests", PLAN: "--plan"}
    for name, option in options.items():
        if name not in expected.digests:
            attested = attestation.digest_of(name)
            yield f"{_TITLES[name].lower()} ({attested or 'none attested'}; {option} compares it)"
    if expected.lane is None and attestation.evidence.lane != Lane.FULL:
        yield f"lane ({attestation.evidence.lane or 'none'}; --lane full asks for every trial)"


_TITLES = {COMMIT: "Commit", MANIFESTS: "Manifests", PLAN: "Terraform plan"}
_HINTS = {
    MANIFESTS: " (another version of kubectl may render the same folder differently)",
}


def duration(value: timedelta) -> str:
    """Return a duration in its largest fitting unit, such as ``30 d`` or ``2.5 h``."""
    seconds = value.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{round(seconds / length, 1):g} {unit}"
    return f"{seconds:.0f} s"


def _against(sentence: str) -> Mismatch:
    return Mismatch(Verdict.REFUTED, sentence)


def _weak(sentence: str) -> Mismatch:
    return Mismatch(Verdict.INCONCLUSIVE, sentence)
