"""The form of verdict.json: ClaimResults as plain JSON values, inverse to ``stored``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.model.finding import ClaimResult, Measurement, TrialResult
from harness.model.verdict import merge


def verdict_document(
    run: str, results: Sequence[ClaimResult], differences: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Return what is stored as ``results/<run>/verdict.json``.

    Each difference is ``{"what", "production", "emulation", "why", "weakens": [claim ids]}``.
    """
    return {
        "run": run,
        "verdict": merge(result.verdict for result in results).value,
        "claims": [_claim(result) for result in results],
        "differences": [dict(each) for each in differences],
    }


def _claim(result: ClaimResult) -> dict[str, Any]:
    claim = result.claim
    measured = _measurement(result.measured)
    evidence = [path for trial in result.trials for path in trial.evidence]
    return {
        "id": claim.id,
        "sentence": claim.sentence,
        "place": claim.place,
        "note": claim.note,
        "indicator": claim.indicator,
        "experiment": claim.experiment,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "bound": {
            "comparison": claim.bound.comparison.value,
            "value": claim.bound.value,
            "unit": claim.bound.unit,
        },
        "measured": {**measured, "trials": [_trial(trial) for trial in result.trials]},
        "documented": None if claim.documented is None else asdict(claim.documented),
        "fidelity": claim.fidelity.value,
        "sabotage": {
            "verdict": None if result.sabotage.verdict is None else result.sabotage.verdict.value,
            "what": result.sabotage.what,
            "reason": result.sabotage.reason,
            "evidence": list(result.sabotage.evidence),
        },
        "evidence": list(dict.fromkeys(evidence)),
    }


def _measurement(measured: Measurement | None) -> dict[str, Any]:
    if measured is None:
        return {"value": None, "unit": None, "error": None}
    return {"value": measured.value, "unit": measured.unit, "error": measured.error}


def _trial(trial: TrialResult) -> dict[str, Any]:
    finding = trial.finding
    return {
        "trial": trial.trial,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        **_measurement(finding.measured),
        "details": [list(pair) for pair in finding.details],
        "evidence": list(trial.evidence),
    }
