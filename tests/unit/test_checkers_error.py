"""The stated error of a recovery time covers everything that could have hidden the truth."""

from __future__ import annotations

import pytest

from harness.model.history import Fault, Outcome, Phase, Record
from tests.unit.histories import (
    EFFECT,
    LATENCY,
    SPACING,
    check,
    claim,
    fault,
    history,
    operations,
)


def _slow_fault(seconds: float) -> list[Record]:
    return [
        Fault(EFFECT, "database_container_kill", Phase.INJECTED, {}),
        Fault(
            EFFECT + seconds,
            "database_container_kill",
            Phase.PROVEN,
            {"effect_at": EFFECT, "effect_error": seconds},
        ),
    ]


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, 0.0), (0.4, 0.4)])
def test_the_time_that_the_faults_command_took_is_error(seconds: float, expected: float) -> None:
    """The fault took effect some time while its command ran."""
    recorded = history(
        operations(0, EFFECT),
        _slow_fault(seconds),
        operations(EFFECT + 1, EFFECT + 10, Outcome.FAILED),
        operations(EFFECT + 10, EFFECT + 30),
    )
    measured = check(recorded, claim("recovery_time", "below", 60)).measured

    assert measured is not None
    assert measured.error == pytest.approx(expected + SPACING + LATENCY, abs=SPACING + LATENCY)
    assert measured.value == pytest.approx(10, abs=0.1)


def test_an_operation_that_hung_until_recovery_is_error() -> None:
    """While the last failed operation waited for its deadline nobody could see the recovery."""
    recorded = history(
        operations(0, EFFECT),
        fault(),
        operations(EFFECT, EFFECT + 5, Outcome.FAILED, latency=1.0, spacing=1.0),
        operations(EFFECT + 5, EFFECT + 30),
    )
    measured = check(recorded, claim("recovery_time", "below", 60)).measured

    assert measured is not None
    assert measured.value == pytest.approx(5, abs=0.1)
    assert measured.error == pytest.approx(1, abs=0.1)
