"""Judges the histories of a run and writes ``verdict.json``; can be done again at any time.

``results/<run>/<claim>/<trial>/history.jsonl`` goes in. Judging again what was not changed
gives the same file, byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.checkers import CHECKERS
from harness.errors import InputInvalid
from harness.model.claim import Claim
from harness.model.finding import ClaimResult, Finding, SabotageResult, TrialResult, conclude
from harness.model.history import History, HistoryInvalid, parse
from harness.model.sabotage import Sabotage
from harness.model.verdict import Verdict, merge
from harness.report.document import verdict_document
from harness.sabotage_store import SabotageStore, link_or_copy, write_json

HISTORY_FILE = "history.jsonl"
RUN_FILE = "run.json"
VERDICT_FILE = "verdict.json"
SABOTAGE_TRIAL = "sabotage"
# Written beside the history by the trial's worker, with the harness's own judgement in it.
JOURNAL_FILE = "journal.json"
_ENDING = "harness"
_COMPLETED = "completed"

_NO_SABOTAGES: Mapping[str, Sabotage] = MappingProxyType({})


@dataclass(frozen=True)
class RunVerdict:
    """The word on a whole run; ``document`` is the content of ``verdict.json``."""

    run: str
    verdict: Verdict
    claims: tuple[ClaimResult, ...]
    document: Mapping[str, Any]


@dataclass
class _Reader:
    # Several claims judge links to one file: it is read once as long as they come in a row.
    results: Path
    last: tuple[tuple[int, int], History] | None = field(default=None)

    def read(self, path: Path) -> History:
        status = path.stat()
        key = (status.st_dev, status.st_ino)
        if self.last is None or self.last[0] != key:
            self.last = (key, read_history(path))
        return self.last[1]


def judge_run(
    results: Path,
    claims: Sequence[Claim],
    sabotage_store: SabotageStore | None,
    *,
    sabotages: Mapping[str, Sabotage] = _NO_SABOTAGES,
) -> RunVerdict:
    """Judge every trial of a run and write its ``verdict.json``.

    The claims are those that ``run.json`` lists under ``claims``, else those with a folder.
    A claim's sabotage is the run's own, else the one that the store kept for this version of
    the code, which is then put into the run so that it can be judged again.

    Raises InputInvalid for a folder without histories, one with histories of claims that are
    not known, and a history that cannot be read.
    """
    results = results.resolve()
    about = read_run_file(results)
    chosen = _choose(results, claims, about)
    minimum = str(about.get("lane", "quick"))
    reader = _Reader(results)
    judged = []
    for claim in chosen:
        trials = [
            _judge_trial(reader, claim, folder)
            for folder in _trial_folders(results / claim.id)
            if folder.name != SABOTAGE_TRIAL
        ]
        sabotage = _judge_sabotage(reader, claim, sabotage_store, sabotages)
        least = claim.trials.full if minimum == "full" else claim.trials.quick
        judged.append(conclude(claim, trials, sabotage, trials_minimum=least))
    document = verdict_document(results.name, judged, about.get("differences") or ())
    write_json(results / VERDICT_FILE, document)
    verdict = merge(result.verdict for result in judged)
    return RunVerdict(results.name, verdict, tuple(judged), document)


def keep_sabotages(results: Path, judged: RunVerdict, sabotage_store: SabotageStore) -> None:
    """Keep what this run's own sabotages showed, for later runs of the same code.

    Only right after the run: an old run's sabotages are evidence of the code that ran them.
    """
    for result in judged.claims:
        history = results / result.claim.id / SABOTAGE_TRIAL / HISTORY_FILE
        if history.is_file():
            sabotage_store.keep(result.claim, result.sabotage, history)


def judge_history(path: Path, claim: Claim) -> Finding:
    """Judge one history file for one claim.

    Raises InputInvalid when the file cannot be read as a history.
    """
    return _check(read_history(path), claim, path) if not _blank(path) else _nothing_recorded()


def read_history(path: Path) -> History:
    """Read a history file.

    Raises InputInvalid naming file, line, field, what was expected and what was got.
    """
    try:
        # A tail torn inside a character must not lose the rest; it is dropped by the parser.
        with path.open(encoding="utf-8", errors="replace") as lines:
            return parse(lines)
    except HistoryInvalid as error:
        raise InputInvalid(f"{path}: {error}") from error
    except OSError as error:
        raise InputInvalid(f"{path}: expected a readable file, got: {error.strerror}") from error


def read_run_file(results: Path) -> dict[str, Any]:
    """Return ``run.json`` of a results folder, empty when there is none.

    Raises InputInvalid when the folder is not there or the file is no JSON object.
    """
    if not results.is_dir():
        raise InputInvalid(
            f"{results}: expected the folder of a stored run, got nothing. "
            "Next step: name a folder that `python -m harness run` wrote, such as results/latest"
        )
    path = results / RUN_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputInvalid(f"{path}: expected a JSON object, got: {error}") from error
    if not isinstance(document, dict):
        raise InputInvalid(f"{path}: expected a JSON object, got {type(document).__name__}")
    return document


def _choose(results: Path, claims: Sequence[Claim], about: Mapping[str, Any]) -> list[Claim]:
    known = {claim.id: claim for claim in claims}
    stored = {path.parent.parent.name for path in results.glob(f"*/*/{HISTORY_FILE}")}
    planned = set(about.get("claims") or ())
    strangers = sorted((stored | planned) - set(known))
    if strangers:
        raise InputInvalid(
            [
                f"{results / name}: expected a claim of claims.yaml, got {name!r}. "
                "Next step: judge this run with the claims that it was made for"
                for name in strangers
            ]
        )
    if not stored and not planned:
        raise InputInvalid(
            f"{results}: expected histories as <claim>/<trial>/{HISTORY_FILE}, got none"
        )
    return [claim for claim in claims if claim.id in (planned or stored)]


def _trial_folders(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("*") if path.is_dir()] if folder.is_dir() else []
    return sorted(found, key=lambda path: _natural(path.name))


def _natural(name: str) -> list[tuple[int, str]]:
    # trial-2 comes before trial-10.
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _judge_trial(reader: _Reader, claim: Claim, folder: Path) -> TrialResult:
    path = folder / HISTORY_FILE
    if not path.is_file() or _blank(path):
        return TrialResult(folder.name, _nothing_recorded())
    evidence = (path.relative_to(reader.results).as_posix(),)
    finding = _check(reader.read(path), claim, path)
    return TrialResult(folder.name, _only_if_complete(finding, folder), evidence)


def _judge_sabotage(
    reader: _Reader,
    claim: Claim,
    store: SabotageStore | None,
    sabotages: Mapping[str, Sabotage],
) -> SabotageResult:
    planted = sabotages.get(claim.sabotage)
    what = f"{claim.sabotage}: {planted.what}" if planted else claim.sabotage
    path = reader.results / claim.id / SABOTAGE_TRIAL / HISTORY_FILE
    kept = store.find(claim) if store is not None and not path.is_file() else None
    if kept is not None:
        link_or_copy(kept.history, path)
    if not path.is_file():
        reason = "The sabotage was not run for this version of the code."
        return SabotageResult(what, None, reason)
    trial = _judge_trial(reader, claim, path.parent)
    return SabotageResult(what, trial.finding.verdict, trial.finding.reason, trial.evidence)


def _check(history: History, claim: Claim, path: Path) -> Finding:
    try:
        return CHECKERS[claim.indicator](history, claim)
    except HistoryInvalid as error:
        raise InputInvalid(f"{path}: {error}") from error


def _only_if_complete(finding: Finding, folder: Path) -> Finding:
    # What broke the claim stays broken; support needs a trial that did all that it should.
    try:
        ending = json.loads((folder / JOURNAL_FILE).read_text(encoding="utf-8"))[_ENDING]
        status, problems = str(ending["status"]), [str(each) for each in ending["problems"]]
    except (OSError, ValueError, KeyError, TypeError):
        return finding
    if status == _COMPLETED or finding.verdict is not Verdict.SUPPORTED:
        return finding
    why = problems[0] if problems else "no reason was stored"
    reason = f"The trial did not run as it should: {status}, {why} Seen until then: "
    return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason + finding.reason)


def _blank(path: Path) -> bool:
    return path.stat().st_size == 0


def _nothing_recorded() -> Finding:
    return Finding(Verdict.INCONCLUSIVE, "No history was recorded.")
