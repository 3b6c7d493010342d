"""Hand-written histories for the tests of checkers and judge; times are seconds, fault at 100."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.checkers import CHECKERS
from harness.model.claim import Bound, Claim, Comparison, Trials
from harness.model.fidelity import Fidelity
from harness.model.finding import Finding
from harness.model.history import (
    Fault,
    FinalRead,
    Header,
    History,
    Observation,
    Operation,
    Outcome,
    Phase,
    Record,
)

EFFECT = 100.0
SPACING = 0.1
LATENCY = 0.01


def claim(
    indicator: str,
    comparison: str = "at_most",
    value: float = 60,
    unit: str = "s",
    *,
    id: str = "a-claim",
    trials: Trials = Trials(1, 5),  # noqa: B008 (frozen)
    sabotage: str = "a-sabotage",
    **parameters: Any,
) -> Claim:
    return Claim(
        id=id,
        sentence="It holds.",
        place="section 1",
        indicator=indicator,
        bound=Bound(Comparison(comparison), value, unit),
        fidelity=Fidelity.SAME,
        experiment="an-experiment",
        sabotage=sabotage,
        trials=trials,
        parameters=parameters,
    )


def history(*parts: Record | Iterable[Record]) -> History:
    """Join records and groups of records in time order."""
    records: list[Record] = []
    for part in parts:
        if isinstance(part, Operation | Fault | Observation | FinalRead):
            records.append(part)
        else:
            records.extend(part)
    records.sort(key=lambda record: record.at)
    return History(Header("a-claim", SPACING), tuple(records))


def fault(
    name: str = "database_container_kill",
    at: float = EFFECT,
    healed: float | None = None,
    **more: Any,
) -> list[Record]:
    """A proven fault; ``more`` goes into the evidence."""
    records: list[Record] = [
        Fault(at, name, Phase.INJECTED, more),
        Fault(at + 0.5, name, Phase.PROVEN, {"effect_at": at}),
    ]
    if healed is not None:
        records.append(Fault(healed, name, Phase.HEALED))
    return records


def unproven(name: str = "database_container_kill", healed: float | None = None) -> list[Record]:
    return [r for r in fault(name, healed=healed) if r.phase is not Phase.PROVEN]


def see(probe: str, at: float, value: Any) -> Observation:
    return Observation(at, probe, value)


def operations(
    begin: float,
    end: float,
    outcome: Outcome = Outcome.OK,
    *,
    client: str = "sql-0",
    op: str = "insert",
    latency: float = LATENCY,
    spacing: float = SPACING,
) -> list[Record]:
    """Operations on the grid in [begin, end), each taking ``latency``."""
    records: list[Record] = []
    for index in range(round((end - begin) / spacing)):
        at = begin + index * spacing
        name = f"{client}-{at:.3f}"
        records.append(Operation(at, client, op, name, Outcome.INVOKED))
        if outcome is not Outcome.INVOKED:
            records.append(Operation(at + latency, client, op, name, outcome))
    return records


def ids(records: Iterable[Record], *outcomes: Outcome) -> list[str]:
    wanted = outcomes or (Outcome.OK,)
    return [r.id for r in records if isinstance(r, Operation) and r.outcome in wanted]


def final_read(at: float, names: Iterable[str], outcome: Outcome = Outcome.OK) -> FinalRead:
    return FinalRead(at, "read_all", outcome, tuple(names))


def samples(
    probe: str, begin: float, end: float, value: Any, spacing: float = 0.25
) -> list[Record]:
    count = round((end - begin) / spacing)
    return [Observation(begin + index * spacing, probe, value) for index in range(count)]


def check(recorded: History, judged: Claim) -> Finding:
    return CHECKERS[judged.indicator](recorded, judged)
