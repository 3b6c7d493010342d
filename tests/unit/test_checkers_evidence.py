"""What every checker asks of a history before it judges."""

from __future__ import annotations

import pytest

from harness.checkers import CHECKERS, INDICATORS
from harness.checkers.evidence import fault_window, judge, never
from harness.model.history import Fault, Header, History, HistoryInvalid, Phase
from harness.model.verdict import Verdict
from tests.unit.histories import claim, fault, history, operations, see, unproven

UNITS = {name: sorted(indicator.units)[0] for name, indicator in INDICATORS.items()}


@pytest.mark.parametrize("indicator", sorted(CHECKERS))
@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param(History(Header("c", 0.1), ()), id="empty"),
        pytest.param(history(operations(90, 130)), id="no fault"),
        pytest.param(history(operations(90, 130), unproven()), id="fault not proven"),
        pytest.param(
            history(operations(90, 130), fault(), see("steady", 95, {"holds": False, "what": "x"})),
            id="bad steady state",
        ),
        pytest.param(
            history(
                operations(90, 130), fault(), see("host", 110, {"memory_available_bytes": 1 << 20})
            ),
            id="host out of memory",
        ),
        pytest.param(history(fault(healed=300)), id="nothing but the fault"),
    ],
)
def test_no_data_is_never_a_pass(indicator: str, recorded: History) -> None:
    """Whatever is missing, the finding is inconclusive, says why and measures nothing."""
    finding = CHECKERS[indicator](recorded, claim(indicator, unit=UNITS[indicator]))

    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.reason.endswith(".")
    assert finding.measured is None


def test_a_steady_state_that_fails_after_the_fault_is_not_a_bad_start() -> None:
    """The hypothesis after the fault is the outcome: it does not stop the judgement."""
    late = see("steady", 150, {"holds": False, "what": "3 of 5 Ready"})
    finding = CHECKERS["recovery_time"](
        history(operations(90, 160), fault(), late), claim("recovery_time")
    )

    assert finding.verdict is Verdict.SUPPORTED


def test_a_planted_defect_is_not_the_fault() -> None:
    """The record of a plant proves nothing; the fault under test has to be proven itself."""
    planted = fault("plant", at=95)
    finding = CHECKERS["recovery_time"](
        history(operations(90, 130), planted, unproven()), claim("recovery_time")
    )

    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "not proven" in finding.reason


def test_effect_is_when_the_proof_says_else_when_the_fault_was_injected() -> None:
    """``effect_at`` of the proven record wins over the injection's own time."""
    stated = history(
        Fault(100, "drain", Phase.INJECTED), Fault(109, "drain", Phase.PROVEN, {"effect_at": 104.5})
    )
    unstated = history(Fault(100, "drain", Phase.INJECTED), Fault(109, "drain", Phase.PROVEN))

    assert fault_window(stated).effect == 104.5
    assert fault_window(unstated).effect == 100


def test_observation_ends_with_the_first_heal_of_fault_or_plant() -> None:
    """Healing the planted defect helps the system as much as healing the fault does."""
    recorded = history(fault(healed=180), Fault(170, "plant", Phase.HEALED), see("host", 200, {}))

    assert fault_window(recorded).until == 170


def test_a_malformed_effect_is_an_error_that_names_the_field() -> None:
    """A history that cannot be read is refused, not judged."""
    recorded = history(
        Fault(100, "drain", Phase.INJECTED), Fault(101, "drain", Phase.PROVEN, {"effect_at": "x"})
    )

    with pytest.raises(HistoryInvalid, match=r"effect_at.*expected seconds, got 'x'"):
        fault_window(recorded)


@pytest.mark.parametrize(
    ("comparison", "value", "error", "expected"),
    [
        ("at_most", 59.0, 0.5, Verdict.SUPPORTED),
        ("at_most", 59.8, 0.5, Verdict.INCONCLUSIVE),
        ("at_most", 60.2, 0.5, Verdict.INCONCLUSIVE),
        ("at_most", 61.0, 0.5, Verdict.REFUTED),
        ("below", 60.0, 0.0, Verdict.REFUTED),
        ("at_least", 60.0, 0.0, Verdict.SUPPORTED),
        ("at_least", 58.0, 1.0, Verdict.REFUTED),
        ("equal", 60.0, 0.0, Verdict.SUPPORTED),
        ("equal", 61.0, 0.0, Verdict.REFUTED),
    ],
)
def test_a_bound_within_the_error_cannot_be_told(
    comparison: str, value: float, error: float, expected: Verdict
) -> None:
    """Support and refutation both need the whole error interval on one side."""
    finding = judge(claim("recovery_time", comparison, 60), value, error, "Seen:")

    assert expected is finding.verdict


@pytest.mark.parametrize(
    ("observed", "expected"), [(59.0, Verdict.INCONCLUSIVE), (61.0, Verdict.REFUTED)]
)
def test_what_never_came_is_refuted_once_awaited_longer_than_the_bound(
    observed: float, expected: Verdict
) -> None:
    """A short observation cannot tell that something would not have come in time."""
    finding = never(claim("recovery_time"), observed, "No recovery")

    assert expected is finding.verdict
    assert "No recovery" in finding.reason
