"""Faults of the AWS API: which calls are throttled, fail or are slow; pure but for its counter.

A rule matches calls by service, operation and region ("*" matches all) and hits each with a
probability. The draws of a rule come from its own seed in the order of the matching calls, so
that the same calls in the same order are hit again.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .fields import Fields, Malformed
from .refusal import Refusal

ANY = "*"
KINDS = ("throttle", "error", "latency")
LATENCY_SECONDS_MAX = 60.0
RULES_MAX = 100

# The throttling and failure codes of services that differ from most; (code, HTTP status).
_THROTTLE = {
    "s3": ("SlowDown", 503),
    "ec2": ("RequestLimitExceeded", 503),
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "sqs": ("RequestThrottled", 403),
    "rds": ("Throttling", 400),
    "elasticache": ("Throttling", 400),
    "elbv2": ("Throttling", 400),
    "autoscaling": ("Throttling", 400),
    "iam": ("Throttling", 400),
    "sts": ("Throttling", 400),
    "sns": ("Throttled", 429),
}
_THROTTLE_DEFAULT = ("ThrottlingException", 400)
_ERROR = {"s3": ("InternalError", 500), "dynamodb": ("InternalServerError", 500)}
_ERROR_DEFAULT = ("InternalFailure", 500)


@dataclass(frozen=True)
class Rule:
    """One fault; ``code`` and ``status`` replace the service's own, ``seconds`` is the latency.

    ``matched`` and ``hit`` count the calls so far.
    """

    id: str
    kind: str
    service: str = ANY
    operation: str = ANY
    region: str = ANY
    probability: float = 1.0
    seed: int = 0
    code: str = ""
    status: int = 0
    seconds: float = 0.0
    matched: int = 0
    hit: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the rule as the control route answers it."""
        return asdict(self)


@dataclass(frozen=True)
class Call:
    """One call of a client: service and operation as botocore names them, and region."""

    service: str
    operation: str
    region: str


@dataclass(frozen=True)
class Effect:
    """What happens to one call: a delay in seconds, then an error instead of the answer."""

    seconds: float = 0.0
    refusal: Refusal | None = None


def parse(raw: object) -> tuple[Rule, ...]:
    """Return the rules in a JSON list. Raises Malformed with every problem at once."""
    problems: list[str] = []
    if not isinstance(raw, list):
        raise Malformed([f"faults: expected a list of rules, got {type(raw).__name__}"])
    if len(raw) > RULES_MAX:
        raise Malformed([f"faults: expected at most {RULES_MAX} rules, got {len(raw)}"])
    rules = [_rule(entry, f"faults[{number}]", problems) for number, entry in enumerate(raw)]
    seen = [rule.id for rule in rules if rule.id]
    for name in sorted({name for name in seen if seen.count(name) > 1}):
        problems.append(f"faults: id {name!r}: expected once, got {seen.count(name)} times")
    if problems:
        raise Malformed(problems)
    return tuple(rules)


def matches(rule: Rule, call: Call) -> bool:
    """Say whether a rule is about a call."""
    return (
        rule.service in (ANY, call.service)
        and rule.operation in (ANY, call.operation)
        and rule.region in (ANY, call.region)
    )


def draws(rule: Rule, number: int) -> bool:
    """Say whether the ``number``-th matching call, counted from 0, is hit."""
    if rule.probability >= 1.0:
        return True
    # A seed of text is hashed the same way in every process, unlike a tuple.
    return random.Random(f"{rule.seed}:{rule.id}:{number}").random() < rule.probability


def refusal(rule: Rule, call: Call) -> Refusal | None:
    """Return the error of a rule, as the called service words it; None for latency."""
    if rule.kind == "latency":
        return None
    if rule.kind == "throttle":
        code, status = _THROTTLE.get(call.service, _THROTTLE_DEFAULT)
    else:
        code, status = _ERROR.get(call.service, _ERROR_DEFAULT)
    return Refusal(
        code=rule.code or code,
        message=f"Fault {rule.id} of the rehearsal: {call.service} {call.operation}.",
        status=rule.status or status,
    )


class Faults:
    """The rules in force and their counters; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def set(self, rules: Sequence[Rule]) -> None:
        """Put ``rules`` in force in place of all others."""
        with self._lock:
            self._rules = [replace(rule, matched=0, hit=0) for rule in rules]

    def list(self) -> tuple[Rule, ...]:
        """Return the rules in force with their counters."""
        with self._lock:
            return tuple(self._rules)

    def apply(self, call: Call) -> Effect:
        """Return what happens to ``call``: all latencies that hit, and the first error."""
        seconds, error = 0.0, None
        with self._lock:
            for index, rule in enumerate(self._rules):
                if not matches(rule, call):
                    continue
                hit = error is None and draws(rule, rule.matched)
                self._rules[index] = replace(
                    rule, matched=rule.matched + 1, hit=rule.hit + int(hit)
                )
                if hit:
                    seconds += rule.seconds
                    error = refusal(rule, call)
        return Effect(seconds, error)


def _rule(raw: object, where: str, problems: list[str]) -> Rule:
    fields = Fields(raw, where, problems)
    rule = Rule(
        id=fields.text("id"),
        kind=fields.choice("kind", KINDS),
        service=fields.text("service", ANY),
        operation=fields.text("operation", ANY),
        region=fields.text("region", ANY),
        probability=fields.number("probability", 0.0, 1.0, 1.0),
        seed=fields.whole("seed", 0, 2**63 - 1, 0),
        code=fields.optional("code"),
        status=fields.whole("status", 400, 599, 400) if fields.has("status") else 0,
        seconds=fields.number("seconds", 0.0, LATENCY_SECONDS_MAX, 0.0),
    )
    # Counters come back in what the route lists; they may be handed in again unchanged.
    fields.ignore("matched", "hit")
    if fields.usable and rule.kind == "latency" and rule.seconds <= 0:
        fields.problem("seconds", "more than 0 for a latency", rule.seconds)
    fields.finish()
    return rule
