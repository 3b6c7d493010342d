"""Claims and sabotage documents: good ones are read, bad ones are named problem by problem."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.documents import load_claims, load_documents, load_sabotage
from harness.errors import ExitCode, ExperimentInvalid
from harness.model.claim import Bound, Comparison, Documented, Trials
from harness.model.fidelity import Fidelity

REPOSITORY = Path(__file__).resolve().parents[2]

CLAIM = """\
claims:
  - id: failover
    sentence: Writers recover.
    place: section 1.5
    indicator: recovery_time
    bound: {comparison: below, value: 60, unit: s}
    fidelity: stand-in
    experiment: database-hang
    sabotage: failover-paused
    trials: {quick: 1, full: 5}
    documented: {low: 60, high: 120, unit: s, source: user guide}
    parameters: {client: sql, consecutive: 10}
"""
SABOTAGE = """\
sabotage: failover-paused
what: Failover is switched off.
experiment: database-hang
claims: [failover]
plant:
  - {type: action, name: pause, provider: {type: python, module: m, func: f}}
configuration: {limit_seconds: 90}
"""
EXPERIMENT = "title: t\ndescription: d\nmethod: []\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sabotage").mkdir()
    (tmp_path / "claims.yaml").write_text(CLAIM)
    (tmp_path / "database-hang.yaml").write_text(EXPERIMENT)
    (tmp_path / "sabotage" / "failover-paused.yaml").write_text(SABOTAGE)
    return tmp_path


def test_a_good_folder_is_read_into_frozen_values(folder: Path) -> None:
    """Every field arrives with its type."""
    documents = load_documents(folder)
    [claim] = documents.claims
    sabotage = documents.sabotages["failover-paused"]

    assert claim.bound == Bound(Comparison.BELOW, 60.0, "s")
    assert claim.fidelity is Fidelity.STAND_IN
    assert claim.trials == Trials(1, 5)
    assert claim.documented == Documented(60.0, 120.0, "s", "user guide")
    assert dict(claim.parameters) == {"client": "sql", "consecutive": 10.0}
    assert sabotage.claims == ("failover",)
    assert sabotage.plant[0]["provider"]["func"] == "f"
    assert dict(sabotage.configuration) == {"limit_seconds": 90}
    assert documents.bases == {"failover-paused": "database-hang"}
    assert documents.experiments == {"database-hang": folder / "database-hang.yaml"}


def problems_of(folder: Path) -> tuple[str, ...]:
    with pytest.raises(ExperimentInvalid) as caught:
        load_documents(folder)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "    place: section 1.5\n",
            "",
            "claims.yaml:2: field 'claims[0].place': expected a value",
        ),
        (
            "value: 60,",
            "value: .nan,",
            "claims.yaml:6: field 'claims[0].bound.value': expected a finite number, got .nan",
        ),
        ("value: 60,", "value: fast,", "'claims[0].bound.value': expected a number, got 'fast'"),
        ("value: 60,", "value: true,", "'claims[0].bound.value': expected a number, got true"),
        ("unit: s}\n    fid", "unit: m}\n    fid", "bound.unit': expected one of s, got 'm'"),
        ("below", "under", "claims.yaml:6: field 'claims[0].bound.comparison': expected one of"),
        (
            "recovery_time",
            "recovery_tme",
            "claims.yaml:5: field 'claims[0].indicator': expected one of",
        ),
        ("recovery_time", "recovery_tme", "(did you mean 'recovery_time'?)"),
        ("stand-in", "real", "claims[0].fidelity': expected one of documented, same, stand-in"),
        ("    place:", "    plase:", "'claims[0].plase': expected one of"),
        ("full: 5", "full: 4", "trials.full': expected a whole number of at least 5, got 4"),
        ("quick: 1", "quick: 0", "trials.quick': expected a whole number of at least 1, got 0"),
        ("quick: 1", "quick: 1.5", "trials.quick': expected a whole number"),
        ("low: 60", "low: 160", "documented.high': expected at least low, 160, got 120.0"),
        ("consecutive:", "consecutiv:", "parameters.consecutiv': expected one of client"),
        ("id: failover", "id: ../x", "claims[0].id': expected lower-case letters"),
        ("id: failover", "id: failover\n    id: failover", "claims.yaml:3: field 'claims[0].id'"),
        ("sabotage: failover-paused", "sabotage: none", "'sabotage': expected one of failover-p"),
        ("experiment: database-hang", "experiment: database", "(did you mean 'database-hang'?)"),
        ("claims:\n", "claims: 5\nothers:\n", "claims.yaml:1: field 'claims': expected a list"),
        ("  - id", " - id: [", "claims.yaml:"),
    ],
)
def test_a_bad_claim_is_named(folder: Path, old: str, new: str, expected: str) -> None:
    """File, line, field, expected and got, with the nearest good name."""
    (folder / "claims.yaml").write_text(CLAIM.replace(old, new, 1))

    assert any(expected in problem for problem in problems_of(folder)), problems_of(folder)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("sabotage: failover-paused", "sabotage: other", "expected the file's name"),
        ("[failover]", "[fail-over]", "field 'claims': expected one of failover, got 'fail-over'"),
        ("[failover]", "[]", "field 'claims': expected at least one entry, got 0"),
        ("what: Failover is switched off.", "what: ''", "field 'what': expected text, got ''"),
        ("configuration: {limit_seconds: 90}", "config: {}", "field 'config': expected one of"),
        ("database-hang", "database-hung", "(did you mean 'database-hang'?)"),
        ("- {type", "- !!python/name:os.system {type", "field 'plant[0]': expected plain values"),
    ],
)
def test_a_bad_sabotage_is_named(folder: Path, old: str, new: str, expected: str) -> None:
    """Likewise for the sabotage documents."""
    path = folder / "sabotage" / "failover-paused.yaml"
    path.write_text(SABOTAGE.replace(old, new, 1))

    assert any(expected in problem for problem in problems_of(folder)), problems_of(folder)


def test_all_problems_of_all_documents_are_raised_at_once(folder: Path) -> None:
    """Five errors in one run beat five runs."""
    (folder / "claims.yaml").write_text(
        CLAIM.replace("value: 60", "value: x")
        .replace("stand-in", "real")
        .replace("full: 5", "f: 5")
    )
    (folder / "sabotage" / "failover-paused.yaml").write_text("sabotage: 3\n")
    (folder / "database-hang.yaml").write_text("title: t\n")
    text = "\n".join(problems_of(folder))

    for expected in ("bound.value", "fidelity", "trials.full", "'plant'", "'method'"):
        assert expected in text


def test_two_claims_with_one_id_are_refused(folder: Path) -> None:
    """The second one names the line of the first."""
    (folder / "claims.yaml").write_text(CLAIM + CLAIM.removeprefix("claims:\n"))

    assert problems_of(folder) == (
        f"{folder}/claims.yaml:13: field 'claims[1].id': "
        "expected an id of its own, as line 2, got 'failover'",
    )


def test_a_claim_that_its_sabotage_does_not_name_is_refused(folder: Path) -> None:
    """Both documents must agree on what proves that the check can fail."""
    second = CLAIM.removeprefix("claims:\n").replace("id: failover", "id: second")
    (folder / "claims.yaml").write_text(CLAIM + second)
    [problem] = problems_of(folder)

    assert "expected a sabotage that names claim 'second' under claims" in problem


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"- 1\n"])
def test_a_file_that_is_no_document_is_refused(folder: Path, content: bytes) -> None:
    """Empty, no text, no mapping."""
    (folder / "claims.yaml").write_bytes(content)

    assert any("claims.yaml:1: document: expected" in problem for problem in problems_of(folder))


def test_missing_files_are_refused(tmp_path: Path) -> None:
    """A missing document is an error, not an empty one."""
    with pytest.raises(ExperimentInvalid, match="expected a readable file"):
        load_claims(tmp_path / "claims.yaml")
    with pytest.raises(ExperimentInvalid, match="expected a readable file"):
        load_sabotage(tmp_path / "no-pdb.yaml")


def test_the_projects_own_claims_are_good() -> None:
    """``experiments/claims.yaml`` is read without a problem and covers the six experiments."""
    claims = load_claims(REPOSITORY / "experiments" / "claims.yaml")

    assert {claim.experiment for claim in claims} == {
        "pdb-drain",
        "pod-kill",
        "node-power-loss",
        "node-hang",
        "database-postmaster-kill",
        "database-container-kill",
        "database-hang",
        "cache-primary-kill",
        "hpa-load",
    }
