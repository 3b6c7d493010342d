"""The statement: what it ties together, that it reads back and cannot contradict itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputInvalid
from harness.gate import attestation_reader
from harness.gate.attestation import (
    Attestation,
    Subject,
    evidence_of,
    statement,
    subjects_of,
    text_of_differences,
)
from tests.unit.gate_sample import (
    COMMIT,
    FLOOR,
    IMAGE,
    INCONCLUSIVE,
    MANIFESTS,
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

FILES = {"verdict.json": b"{}", "run.json": b"{ }"}


@pytest.fixture
def attestation(tmp_path: Path) -> Attestation:
    folder = write_results(tmp_path / "run", {TIME: REFUTED, ROWS: INCONCLUSIVE})
    run, facts = read(folder)
    return Attestation(
        subjects=subjects_of(facts, facts.plan),
        evidence=evidence_of(facts, FILES),
        decision=decide_on(folder, waiver(TIME)),
        differences=text_of_differences(run.differences),
    )


def changed(attestation: Attestation, change: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(statement(attestation))
    change(document)
    return json.dumps(document).encode()


def test_subjects_are_what_the_decision_is_about(attestation: Attestation) -> None:
    """Commit, manifests, plan and images, each with its digest."""
    assert attestation.subjects == (
        Subject("commit", "gitCommit", COMMIT),
        Subject("manifests/production", "sha256", MANIFESTS),
        Subject("terraform-plan", "sha256", PLAN),
        Subject("rehearsed-image/backend", "sha256", IMAGE),
    )


def test_subjects_that_are_not_known_are_left_out(tmp_path: Path) -> None:
    """No digest is invented for a plan, a commit or manifests that the run does not name."""
    facts = {"commit": "unknown", "manifest_digests": None, "image_digests": None}
    _, read_facts = read(write_results(tmp_path / "run", facts=facts))

    assert subjects_of(read_facts, None) == ()


def test_the_form_is_an_in_toto_statement(attestation: Attestation) -> None:
    """Type, subjects and predicate are where readers of in-toto look for them."""
    document = json.loads(statement(attestation))

    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["subject"][0] == {"name": "commit", "digest": {"gitCommit": COMMIT}}
    assert document["predicateType"].endswith("/v1")
    assert document["predicate"]["run"]["files"]["verdict.json"]["sha256"].startswith("44136fa3")
    assert document["predicate"]["decision"]["verdict"] == "inconclusive"
    assert document["predicate"]["differences"] == [f"Worker nodes (weakens {FLOOR})"]


def test_it_reads_back_as_it_was(attestation: Attestation) -> None:
    """Writing and reading lose nothing, waivers included."""
    assert attestation_reader.parse(statement(attestation), Path("a")) == attestation


def test_equal_attestations_have_equal_bytes(attestation: Attestation) -> None:
    """Read back and written again, the bytes are the same."""
    data = statement(attestation)

    assert statement(attestation_reader.parse(data, Path("a"))) == data
    assert b'": ' not in data
    assert b"\n" not in data


def _claim(document: dict[str, Any], index: int) -> dict[str, Any]:
    claim: dict[str, Any] = document["predicate"]["decision"]["claims"][index]
    return claim


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(_type="x"), "'_type': expected"),
        (lambda d: d.update(predicateType="x"), "'predicateType': expected"),
        (lambda d: d.update(predicate=[]), "'predicate': expected an object"),
        (lambda d: d["predicate"].pop("run"), "'predicate.run': expected an object"),
        (lambda d: d["predicate"].pop("decision"), "'predicate.decision': expected an object"),
        (
            lambda d: d["subject"].append(d["subject"][0]),
            "'subject[4].name': expected each subject",
        ),
        (lambda d: d["subject"][0].update(digest={}), "'subject[0].digest': expected an object"),
        (lambda d: d["subject"][0].update(digest={"md5": "0"}), "expected sha256 or gitCommit"),
        (lambda d: d["subject"][1].update(digest={"sha256": "AB" * 32}), "lower-case hexadecimal"),
        (lambda d: d["predicate"]["run"].update(finished="now"), "a time with its zone"),
        (lambda d: d["predicate"]["run"].update(finished="2026-03-02T11:00:00"), "with its zone"),
        (
            lambda d: d["predicate"]["run"].update(seed="x"),
            "'predicate.run.seed': expected a whole",
        ),
        (lambda d: d["predicate"]["run"]["files"].update(x={"sha256": "0"}), "64 hexadecimal"),
        (lambda d: d["predicate"]["decision"].update(day="soon"), "expected a day"),
        (
            lambda d: d["predicate"]["decision"].update(admitted=True),
            "expected False, as its claims",
        ),
        (lambda d: d["predicate"]["decision"].update(admitted="no"), "expected true or false"),
        (lambda d: d["predicate"]["decision"].update(verdict="supported"), "inconclusive, as its"),
        (
            lambda d: _claim(d, 2).update(outcome="supported"),
            "'refused', as its verdict and waiver",
        ),
        (lambda d: _claim(d, 1).update(waiver=None), "'refused', as its verdict and waiver"),
        (lambda d: _claim(d, 1)["waiver"].update(claim=FLOOR), f"expected '{TIME}'"),
        (lambda d: _claim(d, 1)["waiver"].update(expires="2026-02-30"), "expected a day"),
        (lambda d: _claim(d, 2).update(verdict="fine"), "expected one of supported, refuted"),
        (lambda d: _claim(d, 2).update(id=TIME), "expected each claim once"),
        (lambda d: d["predicate"]["decision"].update(claims={}), "expected a list of objects"),
    ],
)
def test_what_is_malformed_or_contradicts_itself_is_named(
    attestation: Attestation, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    """An outcome or a decision must follow from the verdicts and waivers beside it."""
    with pytest.raises(InputInvalid) as caught:
        attestation_reader.parse(changed(attestation, change), Path("a.json"))

    assert any(words in problem for problem in caught.value.problems), caught.value.problems
    assert all(problem.startswith("a.json: ") for problem in caught.value.problems)


def test_all_problems_are_told_at_once(attestation: Attestation) -> None:
    """Three mistakes in different parts are three problems."""

    def change(document: dict[str, Any]) -> None:
        document["_type"] = "x"
        document["predicate"]["run"]["finished"] = "now"
        document["predicate"]["decision"]["day"] = "soon"

    with pytest.raises(InputInvalid) as caught:
        attestation_reader.parse(changed(attestation, change), Path("a"))

    assert len(caught.value.problems) == 3


def test_the_decision_follows_from_what_is_stored(attestation: Attestation) -> None:
    """Every outcome is computed, so that a verdict cannot be edited without its outcome."""
    decision = attestation.decision

    assert [each.outcome.value for each in decision.claims] == ["supported", "waived", "refused"]
    assert decision.verdict is INCONCLUSIVE
    assert decision.claims[0].verdict is SUPPORTED
    assert waiver(TIME).counts_on(TODAY)
    assert not waiver(TIME).counts_on(TODAY + timedelta(days=1))
