"""The store of sabotage results: kept for one version of the code, forgotten with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.model.finding import SabotageResult
from harness.model.verdict import Verdict
from harness.sabotage_store import SabotageStore, code_digest
from tests.unit.histories import claim

CLAIM = claim("recovery_time", id="failover", sabotage="no-standby")
REFUTED = SabotageResult("no-standby", Verdict.REFUTED, "It broke.")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ("harness/checkers/a.py", "experiments/claims.yaml", "harness/report/html.py"):
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "repository"


def evidence(folder: Path, text: str = "history") -> Path:
    path = folder / "history.jsonl"
    path.write_text(text)
    return path


def test_what_was_kept_is_found_with_its_evidence(tmp_path: Path, repository: Path) -> None:
    """Verdict, reason and a copy of the history that outlives the run."""
    store = SabotageStore.of(tmp_path, repository)
    history = evidence(tmp_path)
    store.keep(CLAIM, REFUTED, history)
    history.unlink()
    kept = store.find(CLAIM)

    assert kept is not None
    assert (kept.verdict, kept.reason) == (Verdict.REFUTED, "It broke.")
    assert kept.history.read_text() == "history"
    assert store.folder == tmp_path / "sabotage" / store.digest


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [(Verdict.REFUTED, True), (Verdict.SUPPORTED, False), (Verdict.INCONCLUSIVE, False)],
)
def test_only_a_refuted_sabotage_proves_the_check(
    tmp_path: Path, repository: Path, verdict: Verdict, expected: bool
) -> None:
    """Whatever else became of it has to be run again."""
    store = SabotageStore.of(tmp_path, repository)
    store.keep(CLAIM, SabotageResult("no-standby", verdict, "."), evidence(tmp_path))

    assert expected is store.proven(CLAIM)


def test_a_later_result_replaces_an_earlier_one(tmp_path: Path, repository: Path) -> None:
    """Result and evidence together."""
    store = SabotageStore.of(tmp_path, repository)
    (tmp_path / "second").mkdir()
    store.keep(CLAIM, SabotageResult("x", Verdict.SUPPORTED, "."), evidence(tmp_path, "first"))
    store.keep(CLAIM, REFUTED, evidence(tmp_path / "second", "second"))
    kept = store.find(CLAIM)

    assert kept is not None
    assert (kept.verdict, kept.history.read_text()) == (Verdict.REFUTED, "second")


@pytest.mark.parametrize("damage", ["{", "[]", '{"verdict": "fine"}'])
def test_a_damaged_entry_is_as_if_it_had_not_been_kept(
    tmp_path: Path, repository: Path, damage: str
) -> None:
    """The store is a cache; a half-written file must not stop a run."""
    store = SabotageStore.of(tmp_path, repository)
    store.keep(CLAIM, REFUTED, evidence(tmp_path))
    (store.folder / "failover.json").write_text(damage)

    assert store.find(CLAIM) is None


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("harness/checkers/a.py", True),
        ("harness/checkers/new.py", True),
        ("experiments/claims.yaml", True),
        ("harness/report/html.py", False),
        ("harness/checkers/__pycache__/a.pyc", False),
    ],
)
def test_the_digest_changes_with_the_code_that_matters(
    repository: Path, name: str, changes: bool
) -> None:
    """Faults, clients, checkers, documents, objects and images; not the report."""
    before = code_digest(repository)
    path = repository / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("changed")

    assert changes is (before != code_digest(repository))


def test_moving_a_file_changes_the_digest(repository: Path) -> None:
    """Names count as well as contents."""
    before = code_digest(repository)
    (repository / "harness/checkers/a.py").rename(repository / "harness/checkers/b.py")

    assert before != code_digest(repository)
