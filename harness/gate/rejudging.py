"""Judges a run's histories once more, so that an edited ``verdict.json`` is not attested.

The run itself is not touched: a copy of hard links is judged in a temporary folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import judge
from harness.errors import InputInvalid
from harness.model.claim import Claim
from harness.model.finding import Measurement
from harness.report.stored import StoredClaim, StoredRun, read_run
from harness.sabotage_store import link_or_copy

_JUDGED_FROM = (judge.HISTORY_FILE, judge.JOURNAL_FILE)
# Not the run's own name, which may lead anywhere in a file that was edited.
_COPY = "run"


def contradictions(folder: Path, stored: StoredRun, claims: Sequence[Claim]) -> list[str]:
    """Return a sentence for each claim of which the histories say something else.

    Also for each history that is named as evidence and is not there. Claims that are judged from
    something other than histories have none, and are not looked at.
    """
    problems = [
        f"Claim {claim.id}: its evidence {path} is not in the run's folder"
        for claim in stored.claims
        for path in (*claim.evidence, *claim.sabotage.evidence)
        if not (folder / path).is_file()
    ]
    with tempfile.TemporaryDirectory(prefix="smart-dairy-judge-") as temporary:
        copy = Path(temporary) / _COPY
        found = _copy(folder, copy)
        if not found:
            return problems
        try:
            judge.judge_run(copy, claims, None)
            again = {claim.id: claim for claim in read_run(copy).claims}
        except InputInvalid as error:
            message = str(error).replace(str(copy), str(folder))
            return [*problems, f"The histories cannot be judged again: {message}"]
    judged = {claim.id: claim for claim in stored.claims}
    for id in sorted(found):
        problems += _difference(id, judged.get(id), again.get(id))
    return problems


def _copy(folder: Path, copy: Path) -> set[str]:
    """Link what a run is judged from into ``copy``; return the claims that have histories."""
    found = set()
    copy.mkdir()
    link_or_copy(folder / judge.RUN_FILE, copy / judge.RUN_FILE)
    for name in _JUDGED_FROM:
        for path in sorted(folder.glob(f"*/*/{name}")):
            relative = path.relative_to(folder)
            link_or_copy(path, copy / relative)
            if name == judge.HISTORY_FILE:
                found.add(relative.parts[0])
    return found


def _difference(id: str, stored: StoredClaim | None, again: StoredClaim | None) -> Iterator[str]:
    if stored is None or again is None:
        where = "verdict.json does not have it" if stored is None else "it is not judged from them"
        yield f"Claim {id}: the run holds histories of it, but {where}. {_NEXT}"
        return
    parts = [
        f"{name} {was}, judged again {now}"
        for (name, was), (_, now) in zip(_essence(stored), _essence(again), strict=True)
        if was != now
    ]
    if parts:
        yield (
            f"Claim {id}: verdict.json does not say what its histories say: {'; '.join(parts)}. "
            f"{_NEXT}"
        )


_NEXT = "Next step: python -m harness judge PATH, then look at what changed"


def _essence(claim: StoredClaim) -> tuple[tuple[str, object], ...]:
    # The words of a sabotage come from its document, which may be rewritten at any time.
    caught = claim.sabotage.verdict
    return (
        ("verdict", claim.verdict.value),
        ("value", _exact(claim.measured)),
        ("trials", [f"{t.trial} {t.verdict.value} {_exact(t.measured)}" for t in claim.trials]),
        ("sabotage", None if caught is None else caught.value),
    )


def _exact(measured: Measurement | None) -> str:
    return (
        "none" if measured is None else f"{measured.value!r} ± {measured.error!r} {measured.unit}"
    )
