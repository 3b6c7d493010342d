"""Verification: each mismatch alone, all of them at once, and nothing where nothing is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.gate import dsse
from harness.gate.attestation import (
    COMMIT as COMMIT_SUBJECT,
)
from harness.gate.attestation import MANIFESTS as MANIFESTS_SUBJECT
from harness.gate.attestation import PLAN as PLAN_SUBJECT
from harness.gate.attestation import Attestation, evidence_of, statement, subjects_of
from harness.gate.verify import Expected, Verification, duration, verify
from harness.model.verdict import Verdict
from harness.plan import Lane
from tests.unit.gate_sample import (
    COMMIT,
    INCONCLUSIVE,
    MANIFESTS,
    NOW,
    PLAN,
    REFUTED,
    ROWS,
    SUPPORTED,
    TIME,
    TODAY,
    decide_on,
    read,
    waiver,
    write_results,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
RIGHT = {COMMIT_SUBJECT: COMMIT, MANIFESTS_SUBJECT: MANIFESTS, PLAN_SUBJECT: PLAN}
EXPECTED = Expected(NOW, timedelta(days=30), RIGHT, KEY.public_key(), Lane.FULL)


def attested(
    folder: Path,
    verdicts: Mapping[str, Verdict] | None = None,
    *waivers: Any,
    facts: Mapping[str, Any] | None = None,
) -> Attestation:
    write_results(folder, verdicts, facts=facts)
    _, read_facts = read(folder)
    return Attestation(
        subjects=subjects_of(read_facts, read_facts.plan),
        evidence=evidence_of(read_facts, {}),
        decision=decide_on(folder, *waivers),
        differences=(),
    )


def check(
    attestation: Attestation, expected: Expected = EXPECTED, key: Ed25519PrivateKey | None = KEY
) -> Verification:
    return verify(dsse.seal(statement(attestation), key), attestation, expected)


def test_a_good_attestation_has_no_mismatch(tmp_path: Path) -> None:
    """All asked for, all right: verified, and nothing was left out."""
    found = check(attested(tmp_path / "run"))

    assert found == Verification((), ())
    assert found.verdict is SUPPORTED


@pytest.mark.parametrize("subject", [COMMIT_SUBJECT, MANIFESTS_SUBJECT, PLAN_SUBJECT])
def test_another_digest_is_a_mismatch(tmp_path: Path, subject: str) -> None:
    """What is to be applied is not what was attested: refuted, both digests shown."""
    other = "12" * 20 if subject == COMMIT_SUBJECT else "12" * 32
    expected = replace(EXPECTED, digests={**RIGHT, subject: other})
    (found,) = check(attested(tmp_path / "run"), expected).mismatches

    assert found.verdict is REFUTED
    assert other in found.sentence
    assert RIGHT[subject] in found.sentence


@pytest.mark.parametrize(
    ("subject", "facts"),
    [
        (PLAN_SUBJECT, {"plan_digest": None}),
        (MANIFESTS_SUBJECT, {"manifest_digests": None}),
        (COMMIT_SUBJECT, {"commit": "unknown"}),
    ],
)
def test_a_subject_that_is_not_attested_is_a_mismatch(
    tmp_path: Path, subject: str, facts: Mapping[str, Any]
) -> None:
    """Silence about the plan at hand is not consent."""
    expected = replace(EXPECTED, digests={subject: RIGHT[subject]})
    found = check(attested(tmp_path / "run", facts=facts), expected).mismatches

    assert any("the attestation names none" in each.sentence for each in found)
    assert all(each.verdict is INCONCLUSIVE for each in found)


def test_a_signature_by_another_key_is_a_mismatch(tmp_path: Path) -> None:
    """Signed, but not by whom it should be."""
    (found,) = check(attested(tmp_path / "run"), key=OTHER).mismatches

    assert found.verdict is REFUTED
    assert found.sentence.startswith("Signature: ")


def test_an_unsigned_attestation_is_a_mismatch_where_a_key_is_given(tmp_path: Path) -> None:
    """Unsigned is possible, and said, but does not satisfy a key."""
    attestation = attested(tmp_path / "run")
    (found,) = check(attestation, key=None).mismatches
    unasked = check(attestation, replace(EXPECTED, key=None), key=None)

    assert "got an unsigned attestation" in found.sentence
    assert not unasked.mismatches
    assert "unsigned" in unasked.unchecked[0]


def test_a_changed_payload_is_a_mismatch(tmp_path: Path) -> None:
    """A waiver put in after signing is found by the signature."""
    honest = attested(tmp_path / "one", {TIME: REFUTED})
    forged = attested(tmp_path / "two", {TIME: REFUTED}, waiver(TIME))
    signatures = dsse.seal(statement(honest), KEY).signatures
    envelope = dsse.Envelope(dsse.PAYLOAD_TYPE, statement(forged), signatures)
    (found,) = verify(envelope, forged, EXPECTED).mismatches

    assert "changed afterwards" in found.sentence


@pytest.mark.parametrize("verdict", [REFUTED, INCONCLUSIVE])
def test_a_refused_claim_is_a_mismatch(tmp_path: Path, verdict: Verdict) -> None:
    """Its own verdict is kept, so that the exit code says which."""
    found = check(attested(tmp_path / "run", {TIME: verdict}))

    assert [(verdict, True)] == [(m.verdict, TIME in m.sentence) for m in found.mismatches]
    assert found.verdict is verdict


def test_a_refused_run_is_a_mismatch(tmp_path: Path) -> None:
    """A dirty or interrupted run is refused here as well, for both reasons."""
    facts = {"dirty": True, "status": "interrupted"}
    found = check(attested(tmp_path / "run", facts=facts)).mismatches

    assert [each.sentence.startswith("Run refused: ") for each in found] == [True, True]


def test_no_claims_are_a_mismatch(tmp_path: Path) -> None:
    """An attestation about nothing admits nothing."""
    attestation = attested(tmp_path / "run")
    empty = replace(attestation, decision=replace(attestation.decision, claims=()))

    assert check(empty).verdict is INCONCLUSIVE


@pytest.mark.parametrize(
    ("expires", "now", "count"),
    [
        (TODAY, datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC), 0),
        (TODAY, datetime(2026, 3, 3, 0, 0, 0, tzinfo=UTC), 1),
        # The same moment as the first, told in Dhaka, where it is the next day already.
        (TODAY, datetime(2026, 3, 3, 5, 59, 59, tzinfo=timezone(timedelta(hours=6))), 0),
        (TODAY + timedelta(days=1), datetime(2026, 3, 3, 12, 0, tzinfo=UTC), 0),
    ],
)
def test_a_waiver_may_expire_after_attesting(
    tmp_path: Path, expires: Any, now: datetime, count: int
) -> None:
    """Verification decides anew by its own date, in UTC, the last day included."""
    attestation = attested(tmp_path / "run", {TIME: REFUTED}, waiver(TIME, expires))
    found = check(attestation, replace(EXPECTED, now=now)).mismatches

    assert len(found) == count
    assert all("expired on 2026-03-02" in each.sentence for each in found)


FINISHED = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (FINISHED, []),
        (FINISHED + timedelta(days=30), []),
        (FINISHED + timedelta(days=30, seconds=1), ["expected a run of the last 30 d"]),
        (FINISHED - timedelta(minutes=5), []),
        (FINISHED - timedelta(minutes=5, seconds=1), ["in the future"]),
        (FINISHED - timedelta(days=1), ["in the future", "a day in the future"]),
    ],
)
def test_age_counts_from_the_end_of_the_run(
    tmp_path: Path, now: datetime, words: list[str]
) -> None:
    """Too old and from the future are both refused; attesting again makes nothing younger."""
    found = check(attested(tmp_path / "run"), replace(EXPECTED, now=now)).mismatches

    assert len(found) == len(words)
    for mismatch, word in zip(found, words, strict=True):
        assert word in mismatch.sentence
        assert mismatch.verdict is INCONCLUSIVE


def test_a_run_without_an_end_has_no_age(tmp_path: Path) -> None:
    """No time is not young enough."""
    found = check(attested(tmp_path / "run", facts={"finished": None})).mismatches

    assert any("Age: expected the time" in each.sentence for each in found)


@pytest.mark.parametrize(
    ("ran", "asked", "count"),
    [
        ("full", Lane.FULL, 0),
        ("full", Lane.QUICK, 0),
        ("full", None, 0),
        ("quick", Lane.FULL, 1),
        ("quick", Lane.QUICK, 0),
        ("quick", None, 0),
    ],
)
def test_a_lane_can_be_asked_for(tmp_path: Path, ran: str, asked: Lane | None, count: int) -> None:
    """The quick lane is admitted unless the pipeline asks for the full one."""
    attestation = attested(tmp_path / "run", facts={"lane": ran})
    found = check(attestation, replace(EXPECTED, lane=asked))

    assert len(found.mismatches) == count
    assert any("lane" in each for each in found.unchecked) == (ran == "quick" and asked is None)


def test_every_mismatch_is_named_at_once(tmp_path: Path) -> None:
    """One verification of everything that can be wrong names all of it; refuted outranks."""
    facts = {"dirty": True, "lane": "quick", "plan_digest": None}
    attestation = attested(
        tmp_path / "run", {TIME: INCONCLUSIVE, ROWS: REFUTED}, waiver(ROWS), facts=facts
    )
    expected = replace(
        EXPECTED,
        now=NOW + timedelta(days=31),
        digests={COMMIT_SUBJECT: "0" * 40, MANIFESTS_SUBJECT: "0" * 64, PLAN_SUBJECT: PLAN},
    )
    found = check(attestation, expected, key=OTHER)
    starts = [each.sentence.split(":")[0] for each in found.mismatches]

    assert starts == [
        "Signature",
        "Run refused",
        f"Claim {TIME}",
        f"Claim {ROWS}",
        "Age",
        "Lane",
        "Commit",
        "Manifests",
        "Terraform plan",
    ]
    assert found.verdict is REFUTED


def test_what_was_not_compared_is_said(tmp_path: Path) -> None:
    """A verification that asked for nothing lists what it left out, with the options."""
    expected = Expected(NOW, timedelta(days=30), {})
    unchecked = " ".join(check(attested(tmp_path / "run"), expected).unchecked)

    for option in ("--key", "--commit", "--manifests", "--plan"):
        assert option in unchecked


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(days=30), "30 d"),
        (timedelta(hours=36), "1.5 d"),
        (timedelta(hours=2), "2 h"),
        (timedelta(seconds=90), "1.5 min"),
        (timedelta(seconds=5), "5 s"),
    ],
)
def test_durations_are_short(value: timedelta, text: str) -> None:
    """People read days and hours."""
    assert duration(value) == text
