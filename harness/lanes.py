"""A whole run: planned before anything starts, executed, judged and reported."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import clock, command, evidence, judge, plan, polling
from harness.chaos import compose, supervisor
from harness.chaos.journal import TrialStatus
from harness.chaos.pod import spread
from harness.documents import Documents, load_documents
from harness.errors import ExperimentInvalid, HarnessError, InputInvalid
from harness.model.claim import Claim
from harness.model.sabotage import Sabotage
from harness.plan import Lane, PlannedTrial, Sabotages
from harness.report import html, junit, markdown, tables
from harness.report.stored import read_run
from harness.sabotage_store import SabotageStore, link_or_copy, write_json
from harness.stack.context import Context
from harness.stack.folders import EXPERIMENTS, REPOSITORY, Folders

RESULTS = REPOSITORY / "results"
NOT_TESTED = EXPERIMENTS / "not_tested.json"
SEED_MAXIMUM = 2**31 - 1


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    lane: Lane
    only: tuple[str, ...]
    trials: int | None
    seed: int | None
    sabotages: Sabotages


@dataclass(frozen=True)
class Prepared:
    """A run that was read, checked and planned; nothing has been started."""

    request: Request
    seed: int
    claims: tuple[Claim, ...]
    sabotages: Mapping[str, Sabotage]
    trials: tuple[PlannedTrial, ...]
    composed: Mapping[tuple[str, str | None], Mapping[str, Any]]
    store: SabotageStore


@dataclass(frozen=True)
class Outcome:
    """The verdict of a run: its document, its tables and its report."""

    document: Mapping[str, Any]
    text: str
    report: Path


def prepare(request: Request, where: Folders) -> Prepared:
    """Read and check every document that a run needs, and plan it.

    Raises ExperimentInvalid with all problems of all documents at once.
    """
    documents = load_documents(EXPERIMENTS)
    claims, sabotages = documents.claims, documents.sabotages
    store = SabotageStore.of(where.cache, REPOSITORY)
    trials = plan.make(
        claims,
        lane=request.lane,
        only=request.only,
        sabotages=request.sabotages,
        proven=store.proven,
        bases={name: sabotage.experiment for name, sabotage in sabotages.items()},
        trials_each=request.trials,
    )
    if not trials:
        raise InputInvalid(
            "Nothing is to be run: every sabotage asked for was already refuted by this version. "
            "Next step: --sabotages all runs them again."
        )
    problems: list[str] = []
    composed: dict[tuple[str, str | None], Mapping[str, Any]] = {}
    for trial in trials:
        key = (trial.experiment, trial.sabotage)
        if key not in composed:
            try:
                composed[key] = compose.compose(trial.experiment, sabotage=trial.sabotage)
            except ExperimentInvalid as error:
                problems += error.problems
                composed[key] = {}
    if problems:
        raise ExperimentInvalid(list(dict.fromkeys(problems)))
    chosen = {claim.id for trial in trials for claim in trial.claims}
    seed = request.seed if request.seed is not None else random.randint(0, SEED_MAXIMUM)
    return Prepared(
        request=request,
        seed=seed,
        claims=tuple(claim for claim in claims if claim.id in chosen),
        sabotages=sabotages,
        trials=tuple(trials),
        composed=composed,
        store=store,
    )


def plan_data(prepared: Prepared) -> dict[str, Any]:
    """Return the plan of a run for machines."""
    return {
        "lane": prepared.request.lane.value,
        "seed": prepared.seed,
        "trials": [
            {
                "experiment": trial.experiment,
                "sabotage": trial.sabotage,
                "trial": trial.trial,
                "claims": [claim.id for claim in trial.claims],
                "expected_seconds": _expected(prepared, trial),
            }
            for trial in prepared.trials
        ],
        "expected_seconds": expected_seconds(prepared),
    }


def plan_text(prepared: Prepared) -> str:
    """Return the plan of a run for people."""
    lines = [
        f"{trial.title} ({trial.trial}): {len(trial.claims)} claims, "
        f"expected {_expected(prepared, trial):.0f} s"
        for trial in prepared.trials
    ]
    minutes = expected_seconds(prepared) / 60
    lines.append(
        f"{len(prepared.trials)} trials for {len(prepared.claims)} claims on the "
        f"{prepared.request.lane.value} lane, seed {prepared.seed}, expected {minutes:.0f} min. "
        "Data stores and cluster are broken side by side."
    )
    return "\n".join(lines)


def expected_seconds(prepared: Prepared) -> float:
    """Return how long the run is expected to take: its longer track."""
    tracks = plan.tracks(prepared.trials)
    return max((sum(_expected(prepared, t) for t in track) for track in tracks), default=0.0)


def execute(prepared: Prepared, context: Context, stop: threading.Event) -> Outcome:
    """Run every planned trial, judge the histories and write the report."""
    run = f"run-{clock.wall():%Y%m%dT%H%M%SZ}"
    results = RESULTS / run
    results.mkdir(parents=True)
    about = evidence.describe_run(context, run, prepared.seed)
    about |= {
        "lane": prepared.request.lane.value,
        "claims": [claim.id for claim in prepared.claims],
        "plan": plan_data(prepared)["trials"],
        "code": prepared.store.digest,
        "not_tested": _not_tested(prepared),
    }
    write_json(results / judge.RUN_FILE, about)
    _point_latest(results)
    for line in plan_text(prepared).splitlines():
        context.report(f"plan: {line}")
    # An earlier drain or lost node that was interrupted may have left the pods crowded.
    spread.settle(context.report)
    problems = _run_tracks(prepared, context, results, stop)
    about |= {
        "finished": clock.wall().isoformat(timespec="seconds"),
        "trial_problems": problems,
        "status": "interrupted" if stop.is_set() else "completed",
    }
    write_json(results / judge.RUN_FILE, about)
    if stop.is_set():
        raise KeyboardInterrupt
    verdict = judge.judge_run(
        results, prepared.claims, prepared.store, sabotages=prepared.sabotages
    )
    judge.keep_sabotages(results, verdict, prepared.store)
    return _reported(results)


def judge_again(path: Path, where: Folders) -> Outcome:
    """Judge the stored histories of a run again and write its report."""
    documents: Documents = load_documents(EXPERIMENTS)
    results = _run_folder(path)
    store = SabotageStore.of(where.cache, REPOSITORY)
    judge.judge_run(results, documents.claims, store, sabotages=documents.sabotages)
    return _reported(results)


def report_again(path: Path) -> list[Path]:
    """Write the report of a stored run again and return its files."""
    results = _run_folder(path)
    return [html.write_report(results), markdown.write(results), junit.write(results)]


def _run_folder(path: Path) -> Path:
    folder = path.resolve()
    if folder.is_file():
        # A history: results/<run>/<claim>/<trial>/history.jsonl.
        folder = folder.parents[2]
    return folder


def _expected(prepared: Prepared, trial: PlannedTrial) -> float:
    settings = prepared.composed[(trial.experiment, trial.sabotage)].get("configuration", {})
    return float(settings.get("expected_seconds", 120))


def _run_tracks(
    prepared: Prepared, context: Context, results: Path, stop: threading.Event
) -> list[str]:
    """Run the tracks side by side, each one's trials in turn; return all problems."""
    problems: list[str] = []
    tracks = plan.tracks(prepared.trials)
    with ThreadPoolExecutor(max_workers=len(tracks)) as pool:
        futures = [
            pool.submit(_run_track, prepared, track, context, results, stop, problems)
            for track in tracks
        ]
        try:
            while not all(future.done() for future in futures):
                polling.pause(0.2)
        except KeyboardInterrupt:
            # The tracks see the same event: each stops its worker, which heals first.
            stop.set()
        command.allow_again()
    for future in futures:
        future.result()
    return problems


def _run_track(
    prepared: Prepared,
    track: Sequence[PlannedTrial],
    context: Context,
    results: Path,
    stop: threading.Event,
    problems: list[str],
) -> None:
    for trial in track:
        if stop.is_set():
            return
        problems += _run_trial(prepared, trial, context, results, stop)


def _run_trial(
    prepared: Prepared,
    trial: PlannedTrial,
    context: Context,
    results: Path,
    stop: threading.Event,
) -> list[str]:
    owner = trial.claims[0].id
    folder = results / owner / trial.trial
    name = f"{trial.title} {trial.trial}" if not trial.sabotage else trial.title
    expected = _expected(prepared, trial)
    context.report(f"{name}: running (expected {expected:.0f} s)")
    started = clock.monotonic()
    path = compose.write(prepared.composed[(trial.experiment, trial.sabotage)], folder)
    try:
        outcome = supervisor.run_trial(
            path,
            folder,
            claim=owner,
            seed=prepared.seed,
            report=lambda line: context.report(f"{name}: {line}"),
            stop=stop,
        )
    except HarnessError as error:
        # One trial that cannot run leaves its claims without data; the others still run.
        context.report(f"{name}: {error}")
        return [f"{name}: {error}"]
    for claim in trial.claims[1:]:
        for file in (judge.HISTORY_FILE, judge.JOURNAL_FILE):
            if (folder / file).exists():
                link_or_copy(folder / file, results / claim.id / trial.trial / file)
    seconds = clock.monotonic() - started
    context.report(f"{name}: {outcome.status.value} after {seconds:.0f} s")
    if outcome.status is TrialStatus.COMPLETED:
        return []
    found = [f"{name}: {problem}" for problem in outcome.problems]
    for problem in found:
        context.report(problem)
    return found


def _not_tested(prepared: Prepared) -> list[dict[str, str]]:
    listed = json.loads(NOT_TESTED.read_text())
    skipped = [
        {"what": claim.sentence, "why": "not selected for this run"}
        for claim in load_documents(EXPERIMENTS).claims
        if claim.id not in {c.id for c in prepared.claims}
    ]
    return [*listed, *skipped]


def _reported(results: Path) -> Outcome:
    html_path, _, _ = report_again(results)
    stored = read_run(results)
    document = json.loads((results / judge.VERDICT_FILE).read_text())
    return Outcome(document=document, text=tables.as_text(stored), report=html_path)


def _point_latest(results: Path) -> None:
    latest = RESULTS / "latest"
    beside = RESULTS / ".latest.new"
    beside.unlink(missing_ok=True)
    beside.symlink_to(results.name)
    beside.replace(latest)
