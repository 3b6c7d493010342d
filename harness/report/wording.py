"""Numbers with units and the fixed sentences that every form of the report shares."""

from __future__ import annotations

import statistics

from harness.model.claim import Bound, Documented
from harness.model.fidelity import Fidelity
from harness.model.finding import Measurement
from harness.model.verdict import Verdict
from harness.report.stored import StoredClaim, StoredRun, StoredSabotage

SIGNS = {"at_most": "≤", "at_least": "≥", "below": "<", "equal": "="}
SYMBOLS = {
    Verdict.SUPPORTED: "\N{CHECK MARK}",
    Verdict.REFUTED: "\N{MULTIPLICATION SIGN}",
    Verdict.INCONCLUSIVE: "?",
}
FIDELITY_MEANINGS = {
    Fidelity.SAME: "the very software that production runs was tested",
    Fidelity.STAND_IN: "another implementation of the same contract was tested",
    Fidelity.DOCUMENTED: "only the provider's published figure exists",
}
VERDICT_MEANINGS = {
    Verdict.SUPPORTED: (
        "Every claim of this run kept its bound, and each check was proven able to fail; one run "
        "supports the claims, it does not prove them."
    ),
    Verdict.REFUTED: (
        "At least one claim of the document does not hold: do not rely on it in production "
        "before it is corrected or restated."
    ),
    Verdict.INCONCLUSIVE: (
        "No claim was refuted, but at least one could not be judged: this run is not a pass."
    ),
}
STAND_IN_APPLICATIONS = (
    "ERP backend: stand-in application with the same ports, probes and dependencies",
    "Frontend: stand-in application with the same port and probes",
    "API gateway: stand-in application with the same port and probes",
)


def number(value: float, *, decimals: int | None = None) -> str:
    """Return a number that is short and exact enough to compare: 0.04, 21.84, 9,000."""
    if decimals is None:
        if value == int(value):
            decimals = 0
        elif abs(value) < 0.1:
            return f"{value:.2g}"
        else:
            decimals = 2 if abs(value) < 100 else 1
        text = f"{value:,.{decimals}f}"
        return text.rstrip("0").rstrip(".") if decimals else text
    return f"{value:,.{decimals}f}"


def quantity(value: float, unit: str) -> str:
    """Return a number with its unit; a ratio is shown in per cent."""
    if unit == "ratio":
        return f"{number(value * 100)} %"
    return f"{number(value)} {unit}"


def bound(value: Bound) -> str:
    """Return a bound such as ``≤ 60 s``."""
    return f"{SIGNS[value.comparison.value]} {quantity(value.value, value.unit)}"


def measurement(measured: Measurement | None) -> str:
    """Return a measured value with its error bound, such as ``21.84 ± 0.06 s``."""
    if measured is None:
        return "nothing measured"
    if measured.unit == "ratio":
        value, error, unit = measured.value * 100, measured.error * 100, "%"
    else:
        value, error, unit = measured.value, measured.error, measured.unit
    if error == 0:
        return f"{number(value)} ± 0 {unit}"
    decimals = 3 if error < 0.01 else 2 if error < 1 else 1
    return f"{number(value, decimals=decimals)} ± {number(error, decimals=decimals)} {unit}"


def trials(claim: StoredClaim) -> str:
    """Say how many trials stand behind the measured value, and their median."""
    values = [t.measured for t in claim.trials if t.measured is not None]
    if not claim.trials:
        return "no trial"
    if len(claim.trials) == 1:
        return "1 trial"
    text = f"worst of {len(claim.trials)} trials"
    if len(values) > 1:
        median = statistics.median(m.value for m in values)
        text += f", median {quantity(median, values[0].unit)}"
    return text


def documented(value: Documented | None) -> str:
    """Return the provider's published range."""
    if value is None:
        return "no published figure"
    if value.low == value.high:
        return quantity(value.low, value.unit)
    if value.unit == "ratio":
        return f"{number(value.low * 100)} to {number(value.high * 100)} %"
    return f"{number(value.low)} to {quantity(value.high, value.unit)}"


def documented_breaks(claim: StoredClaim) -> bool:
    """Say whether the published range breaks the bound."""
    figure = claim.documented
    return figure is not None and not all(map(claim.bound.holds, (figure.low, figure.high)))


def sabotage(result: StoredSabotage) -> str:
    """Say in a few words what the sabotage showed."""
    match result.verdict:
        case None:
            return "not run"
        case Verdict.REFUTED:
            return "refuted, as it must be"
        case verdict:
            return f"{verdict.value}: the check did not catch the planted defect"


def counts(run: StoredRun) -> dict[Verdict, int]:
    """Return how many claims have each verdict, worst first."""
    order = (Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED)
    return {v: sum(claim.verdict is v for claim in run.claims) for v in order}


def summary(run: StoredRun) -> str:
    """Return the counts as a sentence, such as ``12 claims: 2 refuted, ...``."""
    parts = ", ".join(f"{count} {verdict.value}" for verdict, count in counts(run).items())
    plural = "claim" if len(run.claims) == 1 else "claims"
    return f"{len(run.claims)} {plural}: {parts}"
