"""Decides whether a run admits its commit to production; pure, so that tables can test it.

The rules, each of which only ever says no:

1. Every claim of ``experiments/claims.yaml`` counts. One that the run did not judge, judged
   against another bound, on fewer trials than its lane asks, or without a sabotage that was
   refuted, is inconclusive, whatever ``verdict.json`` says of it.
2. A refuted or inconclusive claim refuses, unless a waiver covers it. It stays visible as waived.
3. No waiver lifts a fault of the run itself: no claims, uncommitted changes, no commit, an
   interrupted or unfinished run, no digest of the production manifests, documents that
   contradict each other or the histories. What was tested is then not known well enough.
4. The quick lane is admitted and said: ``verify --lane full`` is how a pipeline asks for more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from harness.gate.facts import COMPLETED, RunFacts
from harness.gate.waivers import Waiver
from harness.model.claim import Claim
from harness.model.verdict import Verdict, merge
from harness.plan import Lane
from harness.report import wording
from harness.report.stored import StoredClaim, StoredRun


class Outcome(StrEnum):
    """What the gate makes of one claim."""

    SUPPORTED = "supported"
    WAIVED = "waived"
    REFUSED = "refused"


@dataclass(frozen=True)
class ClaimDecision:
    """One claim: the verdict that counts, why, and the waiver that covers it.

    ``bound``, ``measured`` and ``documented`` are texts with units, for people.
    """

    id: str
    verdict: Verdict
    reason: str
    bound: str
    measured: str
    documented: str
    fidelity: str
    waiver: Waiver | None = None

    @property
    def outcome(self) -> Outcome:
        """Return what the gate makes of the claim."""
        if self.verdict is Verdict.SUPPORTED:
            return Outcome.SUPPORTED
        return Outcome.REFUSED if self.waiver is None else Outcome.WAIVED


@dataclass(frozen=True)
class Decision:
    """The word of the gate on ``day``.

    ``refusals`` are faults of the run itself; ``remarks`` weaken the evidence and refuse nothing.
    """

    day: date
    claims: tuple[ClaimDecision, ...]
    refusals: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def admitted(self) -> bool:
        """Say whether the commit may be applied."""
        return bool(self.claims) and not self.refusals and not self.refused

    @property
    def refused(self) -> tuple[ClaimDecision, ...]:
        """Return the claims that refuse."""
        return tuple(each for each in self.claims if each.outcome is Outcome.REFUSED)

    @property
    def waived(self) -> tuple[ClaimDecision, ...]:
        """Return the claims that only a waiver admits."""
        return tuple(each for each in self.claims if each.outcome is Outcome.WAIVED)

    @property
    def verdict(self) -> Verdict:
        """Return supported when admitted, refuted for a refuted claim, else inconclusive."""
        if self.admitted:
            return Verdict.SUPPORTED
        found = {each.verdict for each in self.refused}
        return Verdict.REFUTED if Verdict.REFUTED in found else Verdict.INCONCLUSIVE


def decide(
    run: StoredRun,
    facts: RunFacts,
    asked: Sequence[Claim],
    waivers: Sequence[Waiver],
    *,
    today: date,
    source_problems: Sequence[str] = (),
) -> Decision:
    """Return the decision on a run; ``asked`` are all claims of ``experiments/claims.yaml``.

    ``source_problems`` are sentences on waivers or claims that are not those of the commit, and
    on verdicts that are not those of the histories.
    Waivers that are expired do not count; ``waivers.misused`` names them.
    """
    judged = {claim.id: claim for claim in run.claims}
    covering = {waiver.claim: waiver for waiver in waivers if waiver.counts_on(today)}
    decided = tuple(_claim(claim, judged.get(claim.id), facts, covering) for claim in asked)
    return Decision(
        day=today,
        claims=decided,
        refusals=(*_refusals(run, facts, asked), *source_problems),
        remarks=tuple(_remarks(run, facts, asked, decided)),
    )


def _claim(
    claim: Claim, stored: StoredClaim | None, facts: RunFacts, covering: Mapping[str, Waiver]
) -> ClaimDecision:
    verdict, reason = _judgement(claim, stored, facts)
    return ClaimDecision(
        id=claim.id,
        verdict=verdict,
        reason=reason,
        bound=wording.bound(claim.bound),
        measured=wording.measurement(None if stored is None else stored.measured),
        documented=wording.documented(claim.documented),
        fidelity=claim.fidelity.value,
        waiver=None if verdict is Verdict.SUPPORTED else covering.get(claim.id),
    )


def _judgement(claim: Claim, stored: StoredClaim | None, facts: RunFacts) -> tuple[Verdict, str]:
    """Return the verdict that counts: the stored one, or inconclusive where that says too much."""
    if stored is None:
        return Verdict.INCONCLUSIVE, "This run did not judge the claim."
    doubts = []
    if stored.bound != claim.bound:
        doubts.append(
            f"judged against {wording.bound(stored.bound)}, while claims.yaml asks "
            f"{wording.bound(claim.bound)}"
        )
    if stored.fidelity is not claim.fidelity or stored.documented != claim.documented:
        doubts.append("judged with another fidelity or documented figure than claims.yaml has")
    least = trials_asked(claim, facts.lane)
    if len(stored.trials) < least:
        doubts.append(f"{len(stored.trials)} of {least} trials of the {facts.lane} lane were run")
    if any(trial.verdict is not Verdict.SUPPORTED for trial in stored.trials):
        doubts.append("at least one trial did not support it")
    if stored.sabotage.verdict is not Verdict.REFUTED:
        doubts.append(f"its sabotage is not refuted: {wording.sabotage(stored.sabotage)}")
    if stored.verdict is not Verdict.SUPPORTED or not doubts:
        return stored.verdict, stored.reason
    return Verdict.INCONCLUSIVE, f"Stored as supported, but {'; '.join(doubts)}."


def trials_asked(claim: Claim, lane: str) -> int:
    """Return how many trials a lane asks of a claim; a lane that is not known asks for all."""
    return claim.trials.quick if lane == Lane.QUICK else claim.trials.full


def _refusals(run: StoredRun, facts: RunFacts, asked: Sequence[Claim]) -> Iterator[str]:
    if not run.claims or not asked:
        yield "The run judged no claim at all: no data is never a pass."
    if facts.run != run.run:
        yield (
            f"run.json is of run {facts.run!r} and verdict.json of {run.run!r}: expected one "
            "run. Next step: name the folder as the run, then judge it again"
        )
    strangers = sorted({claim.id for claim in run.claims} - {claim.id for claim in asked})
    if strangers:
        yield (
            f"The run judged claims that claims.yaml does not have: {', '.join(strangers)}. "
            "Next step: attest with the code that made the run"
        )
    merged = merge(claim.verdict for claim in run.claims)
    if run.claims and run.verdict is not merged:
        yield (
            f"verdict.json says {run.verdict.value}, while its claims say {merged.value}. "
            "Next step: judge the folder again"
        )
    if not facts.commit_known:
        yield f"The run names no git commit, got {facts.commit or 'nothing'!r}."
    if facts.dirty:
        yield (
            "The work tree had uncommitted changes: the commit does not say what was tested. "
            "Next step: commit them and run again"
        )
    if facts.status != COMPLETED:
        yield (
            f"The run was not completed: its status is {facts.status or 'not stored'}. "
            "Next step: run again"
        )
    if facts.lane not in set(Lane):
        yield f"The run's lane is {facts.lane or 'not stored'}: expected {' or '.join(Lane)}."
    if facts.started is None or facts.finished is None or facts.finished < facts.started:
        yield "When the run started and finished is not stored, or it finished before it started."
    if facts.manifests is None:
        yield "The run stored no digest of the production manifests: nothing ties it to them."


def _remarks(
    run: StoredRun, facts: RunFacts, asked: Sequence[Claim], decided: Sequence[ClaimDecision]
) -> Iterator[str]:
    if facts.lane == Lane.QUICK:
        fewer = [c.id for c in asked if c.trials.quick < c.trials.full]
        yield (
            f"Quick lane: {len(fewer)} of {len(asked)} claims were judged on fewer trials than "
            "the full lane asks."
        )
    if facts.trial_problems:
        yield f"Problems in trials that are stored in run.json: {facts.trial_problems}."
    if facts.plan is None:
        yield "The run judged no Terraform plan."
    if run.differences is None:
        yield "The run stored no list of differences from production."
    waived = [each.id for each in decided if each.outcome is Outcome.WAIVED]
    if waived:
        yield f"Not supported, but waived: {', '.join(waived)}."
