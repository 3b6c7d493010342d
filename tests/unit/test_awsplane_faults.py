"""Faults of the AWS API: matching, draws, what each service answers, and malformed rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.awsplane.faults import Call, Faults, Rule, draws, matches, parse
from harness.awsplane.fields import Malformed

CALL = Call("rds", "DescribeDBInstances", "ap-south-1")
RULE: dict[str, Any] = {"id": "one", "kind": "throttle"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("r", "error"), True),
        (Rule("r", "error", service="rds"), True),
        (Rule("r", "error", service="rds", operation="DescribeDBInstances"), True),
        (Rule("r", "error", region="ap-south-1"), True),
        (Rule("r", "error", service="s3"), False),
        (Rule("r", "error", service="rds", operation="RebootDBInstance"), False),
        (Rule("r", "error", region="us-east-1"), False),
        (Rule("r", "error", operation="describedbinstances"), False),
    ],
)
def test_a_rule_matches_by_service_operation_and_region(rule: Rule, expected: bool) -> None:
    assert matches(rule, CALL) is expected


@pytest.mark.parametrize(
    ("kind", "service", "code", "status"),
    [
        ("throttle", "s3", "SlowDown", 503),
        ("throttle", "dynamodb", "ProvisionedThroughputExceededException", 400),
        ("throttle", "rds", "Throttling", 400),
        ("throttle", "kms", "ThrottlingException", 400),
        ("error", "s3", "InternalError", 500),
        ("error", "rds", "InternalFailure", 500),
    ],
)
def test_each_service_refuses_in_its_own_words(
    kind: str, service: str, code: str, status: int
) -> None:
    faults = Faults()
    faults.set([Rule("r", kind)])

    effect = faults.apply(Call(service, "Anything", "ap-south-1"))

    assert effect.refusal is not None
    assert (effect.refusal.code, effect.refusal.status) == (code, status)


def test_code_and_status_of_a_rule_replace_the_services_own() -> None:
    faults = Faults()
    faults.set([Rule("r", "error", code="ServiceUnavailable", status=503)])

    refusal = faults.apply(CALL).refusal

    assert refusal is not None
    assert (refusal.code, refusal.status) == ("ServiceUnavailable", 503)


def test_latencies_add_up_and_the_first_error_ends_the_call() -> None:
    faults = Faults()
    faults.set(
        [
            Rule("slow", "latency", seconds=0.5),
            Rule("slower", "latency", seconds=1.0),
            Rule("broken", "error", seconds=0.25),
            Rule("after", "latency", seconds=9.0),
        ]
    )

    effect = faults.apply(CALL)

    assert effect.seconds == 1.75
    assert effect.refusal is not None
    assert [(r.id, r.matched, r.hit) for r in faults.list()] == [
        ("slow", 1, 1),
        ("slower", 1, 1),
        ("broken", 1, 1),
        ("after", 1, 0),
    ]


def test_nothing_happens_to_a_call_that_no_rule_matches() -> None:
    faults = Faults()
    faults.set([Rule("r", "error", service="s3")])

    effect = faults.apply(CALL)

    assert (effect.seconds, effect.refusal) == (0.0, None)
    assert faults.list()[0].matched == 0


def test_the_same_seed_hits_the_same_calls() -> None:
    rule = Rule("r", "error", probability=0.3, seed=7)
    hits = [draws(rule, number) for number in range(2000)]

    assert hits == [draws(replace(rule), number) for number in range(2000)]
    assert hits != [draws(replace(rule, seed=8), number) for number in range(2000)]
    # 0.3 of 2000 with five standard deviations to each side.
    assert 500 < sum(hits) < 700


@pytest.mark.parametrize(("probability", "expected"), [(0.0, 0), (1.0, 100)])
def test_never_and_always_are_exact(probability: float, expected: int) -> None:
    rule = Rule("r", "error", probability=probability)

    assert sum(draws(rule, number) for number in range(100)) == expected


def test_setting_rules_begins_their_counters_anew() -> None:
    faults = Faults()
    faults.set([Rule("r", "error")])
    faults.apply(CALL)
    faults.set(faults.list())

    assert [(r.matched, r.hit) for r in faults.list()] == [(0, 0)]


def test_what_the_route_lists_can_be_set_again() -> None:
    rules = parse([RULE, {"id": "two", "kind": "latency", "seconds": 2, "seed": 3}])

    assert parse([rule.as_json() for rule in rules]) == rules


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": ""}, "faults[0]: id: expected a text"),
        ({"kind": "slow"}, "kind: expected one of throttle, error, latency, got 'slow'"),
        ({"kind": None}, "kind: expected one of throttle, error, latency, got nothing"),
        ({"probability": 1.5}, "probability: expected a number from 0 to 1, got 1.5"),
        ({"probability": True}, "probability: expected a number from 0 to 1, got True"),
        ({"probability": float("nan")}, "probability: expected a number from 0 to 1, got nan"),
        ({"seed": -1}, "seed: expected a whole number"),
        ({"status": 200}, "status: expected a whole number from 400 to 599, got 200"),
        ({"kind": "latency"}, "seconds: expected more than 0 for a latency, got 0"),
        ({"seconds": 61}, "seconds: expected a number from 0 to 60, got 61"),
        ({"service": 3}, "service: expected a text, got 3"),
        ({"code": 3}, "code: expected a text, got 3"),
        ({"operaton": "X"}, "operaton: expected only"),
    ],
)
def test_a_malformed_rule_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse([{**RULE, **change}])

    assert said in str(refusal.value)
    assert len(refusal.value.problems) == 1


@pytest.mark.parametrize("raw", [None, {}, "text", [None], ["x"], [RULE, RULE], [RULE] * 101])
def test_what_is_no_list_of_different_rules_is_refused(raw: object) -> None:
    with pytest.raises(Malformed) as refusal:
        parse(raw)

    assert len(refusal.value.problems) == 1


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(Malformed) as refusal:
        parse([{"id": 1, "kind": 2}, {"id": "b", "kind": "error", "probability": "x"}])

    assert len(refusal.value.problems) == 3
