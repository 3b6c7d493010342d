"""Inventory -> what every rule says of it, and one verdict. Pure."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from harness.audit import collector
from harness.audit.inventory import Inventory
from harness.audit.resource import Domain, NotJudged, Place
from harness.audit.rule import Defect, Fine, Rule, Severity, Undecided
from harness.audit.rules import RULES
from harness.model.verdict import Verdict

_log = logging.getLogger(__name__)


class State(StrEnum):
    """What became of one rule; ``failed`` is a rule that raised: never a pass."""

    BROKEN = "broken"
    FAILED = "failed"
    UNDECIDED = "undecided"
    NOTHING = "nothing to judge"
    NO_INPUT = "no input"
    HELD = "held"


@dataclass(frozen=True)
class RuleResult:
    """One rule's findings; ``judged`` counts what kept or broke it."""

    rule: Rule
    state: State
    judged: int
    defects: tuple[Defect, ...]
    undecided: tuple[Undecided, ...]


@dataclass(frozen=True)
class Audit:
    """The outcome of one audit; ``verdict`` is refuted, inconclusive or supported."""

    verdict: Verdict
    reason: str
    results: tuple[RuleResult, ...]
    not_judged: tuple[NotJudged, ...]
    notes: tuple[str, ...]
    given: tuple[Domain, ...]

    @property
    def findings(self) -> list[tuple[Rule, Defect]]:
        """Return every defect with its rule, the worst and first in the files first."""
        found = [(r.rule, d) for r in self.results for d in r.defects]
        order = list(Severity)
        return sorted(found, key=lambda f: (order.index(f[0].severity), f[1].place, f[0].id))


def judge(inventory: Inventory, today: date, rules: Sequence[Rule] = RULES) -> Audit:
    """Return what the rules say of an inventory on a day.

    A defect of severity error or warning refutes. Without one the audit is inconclusive when a
    required rule met nothing to judge or could not decide, and supported otherwise.
    """
    dated = replace(inventory, today=today)
    with collector.paused():
        results = tuple(_result(rule, dated) for rule in rules)
    verdict, reason = _verdict(results)
    return Audit(
        verdict=verdict,
        reason=reason,
        results=results,
        not_judged=inventory.not_judged,
        notes=inventory.notes,
        given=tuple(sorted(inventory.given)),
    )


def _result(rule: Rule, inventory: Inventory) -> RuleResult:
    if not rule.needs <= inventory.given:
        return RuleResult(rule, State.NO_INPUT, 0, (), ())
    try:
        marks = list(rule.judge(inventory))
    except Exception as error:
        # A defect of the rule must not hide what the others found, and must not look like a pass.
        _log.warning("audit: rule %s failed", rule.id, exc_info=error)
        why = f"the rule itself failed ({type(error).__name__}: {error})"
        return RuleResult(rule, State.FAILED, 0, (), (Undecided(Place("", 0), rule.id, why),))
    defects = tuple(dict.fromkeys(m for m in marks if isinstance(m, Defect)))
    undecided = tuple(dict.fromkeys(m for m in marks if isinstance(m, Undecided)))
    judged = sum(isinstance(m, Fine) for m in marks) + len(defects)
    if defects:
        state = State.BROKEN
    elif undecided:
        state = State.UNDECIDED
    else:
        state = State.HELD if judged else State.NOTHING
    return RuleResult(rule, state, judged, defects, undecided)


def _verdict(results: Sequence[RuleResult]) -> tuple[Verdict, str]:
    broken = [
        r for r in results if r.state is State.BROKEN and r.rule.severity is not Severity.NOTE
    ]
    if broken:
        count = sum(len(r.defects) for r in broken)
        return Verdict.REFUTED, f"{count} findings of {len(broken)} rules."
    open_rules = [
        r
        for r in results
        if r.state is State.FAILED
        or (r.rule.required and r.state in (State.UNDECIDED, State.NOTHING))
    ]
    if open_rules:
        names = ", ".join(f"{r.rule.id} ({r.state})" for r in open_rules)
        return Verdict.INCONCLUSIVE, f"What the document promises could not be judged: {names}."
    held = sum(r.state is State.HELD for r in results)
    if not held:
        return Verdict.INCONCLUSIVE, "No rule met anything to judge."
    return Verdict.SUPPORTED, f"{held} rules held, none is broken."
