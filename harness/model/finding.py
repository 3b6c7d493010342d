"""What a checker says of one trial, and what is said of a claim in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.claim import Claim, Documented
from harness.model.fidelity import Fidelity
from harness.model.verdict import Verdict, merge


@dataclass(frozen=True)
class Measurement:
    """A measured value, its unit and its error bound (same unit, plus or minus)."""

    value: float
    unit: str
    error: float


@dataclass(frozen=True)
class Finding:
    """A checker's judgement of one trial's history.

    ``reason`` is a full sentence. ``measured`` is None when there was nothing to measure,
    which is never a pass. ``details`` are further labelled numbers for the report.
    """

    verdict: Verdict
    reason: str
    measured: Measurement | None = None
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TrialResult:
    """A finding with the trial it belongs to and the paths of its evidence."""

    trial: str
    finding: Finding
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class SabotageResult:
    """What became of a claim under its planted defect; None: not run for this version."""

    what: str
    verdict: Verdict | None
    reason: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClaimResult:
    """The final word on a claim in one run."""

    claim: Claim
    verdict: Verdict
    reason: str
    measured: Measurement | None
    trials: tuple[TrialResult, ...]
    sabotage: SabotageResult
    documented_verdict: Verdict | None


def conclude(
    claim: Claim,
    trials: Sequence[TrialResult],
    sabotage: SabotageResult,
    *,
    trials_minimum: int = 1,
) -> ClaimResult:
    """Merge trials, the provider's documented figure and the sabotage into one verdict.

    The worst trial is judged. A documented range that breaks the bound refutes a claim that is
    not of fidelity ``same``, whatever was measured. A claim that would be supported is
    inconclusive while its sabotage has not been refuted by this version of the code, or with
    fewer trials than ``trials_minimum``.
    """
    measured_verdict = merge(t.finding.verdict for t in trials)
    worst = _worst(claim, trials)
    reason = _reason_of(measured_verdict, trials, worst)
    documented_verdict = _judge_documented(claim)
    verdict = measured_verdict
    if documented_verdict is Verdict.REFUTED:
        documented = claim.documented
        assert documented is not None
        verdict = Verdict.REFUTED
        reason = (
            f"The provider documents {_range(documented)} ({documented.source}), which breaks "
            f"{claim.bound}. Local measurement: {reason}"
        )
    elif verdict is Verdict.SUPPORTED and sabotage.verdict is not Verdict.REFUTED:
        verdict = Verdict.INCONCLUSIVE
        state = sabotage.verdict.value if sabotage.verdict else "not run for this version"
        reason = (
            f"The check has not proven that it can fail: sabotage ({sabotage.what}) is {state}. "
            f"Local measurement: {reason}"
        )
    elif verdict is Verdict.SUPPORTED and len(trials) < trials_minimum:
        verdict = Verdict.INCONCLUSIVE
        reason = (
            f"Too few trials: {len(trials)} of {trials_minimum} were run. "
            f"Local measurement: {reason}"
        )
    return ClaimResult(
        claim=claim,
        verdict=verdict,
        reason=reason,
        measured=worst,
        trials=tuple(trials),
        sabotage=sabotage,
        documented_verdict=documented_verdict,
    )


def _reason_of(verdict: Verdict, trials: Sequence[TrialResult], worst: Measurement | None) -> str:
    """Return the reason of the trial that shows the verdict, the worst one where there are more."""
    shown = [trial.finding for trial in trials if trial.finding.verdict is verdict]
    if not shown:
        return "No trial was run."
    return next(
        (f for f in shown if f.measured is not None and f.measured == worst), shown[0]
    ).reason


def _worst(claim: Claim, trials: Sequence[TrialResult]) -> Measurement | None:
    measurements = [t.finding.measured for t in trials if t.finding.measured is not None]
    if not measurements:
        return None
    worst = claim.bound.worst([m.value for m in measurements])
    return next(m for m in measurements if m.value == worst)


def _judge_documented(claim: Claim) -> Verdict | None:
    if claim.documented is None or claim.fidelity is Fidelity.SAME:
        return None
    ends = (claim.documented.low, claim.documented.high)
    return Verdict.SUPPORTED if all(map(claim.bound.holds, ends)) else Verdict.REFUTED


def _range(documented: Documented) -> str:
    if documented.low == documented.high:
        return f"{documented.high:g} {documented.unit}"
    return f"{documented.low:g} to {documented.high:g} {documented.unit}"
