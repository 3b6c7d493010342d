"""Pure parts of the stand-in: wire form, planning, comparison, merging, checks, tables."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.model import DenormalizedStructureBuilder

from harness.provision.standin import checks, coverage, planning, policy_document, tagging, wire
from harness.provision.standin.journal import Journal
from harness.provision.standin.mapping import Call, Change, Read, ResourceType, words
from harness.provision.standin.mappings import TYPES
from harness.provision.standin.shapes import Unencodable, decode_block, encode
from harness.provision.standin.values import blocks_equivalent, complete, equivalent, refresh
from harness.provision.standin.wire import UNKNOWN

AROUND = planning.Surroundings("ap-south-1", {"Project": "dairy"})


def _attribute(kind: Any = "string", flags: str = "o") -> dict[str, Any]:
    names = {"o": "optional", "c": "computed", "r": "required"}
    return {"type": kind, **{names[flag]: True for flag in flags}}


def _block(**attributes: Any) -> dict[str, Any]:
    return {"attributes": attributes, "block_types": {}}


BLOCK = {
    "attributes": {
        "id": _attribute(flags="c"),
        "arn": _attribute(flags="c"),
        "name": _attribute(flags="r"),
        "size": _attribute("number"),
        "zone": _attribute(flags="oc"),
        "region": _attribute(flags="oc"),
        "tags": _attribute(["map", "string"]),
        "tags_all": _attribute(["map", "string"], "oc"),
    },
    "block_types": {
        "rule": {
            "nesting_mode": "set",
            "block": _block(port=_attribute("number", "r"), note=_attribute(flags="oc")),
        }
    },
}
ROW = ResourceType(
    service="x",
    create=Call("create", fields=("name", "size", "rule")),
    read=Read(Call("read")),
    delete=None,
    defaults={"size": 3, "rule.note": "none"},
    forces=words("name"),
    changes=(Change(Call("modify"), ("size",)),),
    volatile=words("arn"),
)


@pytest.mark.parametrize(
    "value", [None, True, 3, 2.5, "text", [1, None], {"a": {"b": [UNKNOWN]}}, UNKNOWN]
)
def test_values_survive_the_wire(value: Any) -> None:
    """Null, unknown and every kind of value come back as they were sent."""
    assert wire.read(wire.write(value)) == value


def test_a_refined_unknown_is_unknown() -> None:
    """Terraform may say what it knows of an unknown value; it is unknown all the same."""
    import msgpack

    packed = msgpack.packb(msgpack.ExtType(12, msgpack.packb({1: False})))

    assert wire.unpack(packed) is UNKNOWN
    assert wire.known({"a": [UNKNOWN, 1]}) == {"a": [None, 1]}


def _planned(prior: Any, **proposed: Any) -> planning.Planned:
    empty = dict.fromkeys(BLOCK["attributes"]) | {"rule": []}
    return planning.plan(BLOCK, ROW, prior, {**empty, **proposed}, AROUND)


def _stored(**values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(BLOCK["attributes"]) | {"rule": []}
    base = {"id": "i-1", "arn": "a", "name": "n", "size": 3, "zone": "z", "region": "ap-south-1"}
    return {**empty, **base, "tags_all": {"Project": "dairy"}, **values}


def test_a_new_resource_has_defaults_and_unknowns() -> None:
    """What the provider fills in is there, what the API decides is unknown."""
    rules = [{"port": 1, "note": None}]
    state = _planned(None, name="n", tags={"A": "b"}, rule=rules).state

    assert state == {
        "id": UNKNOWN,
        "arn": UNKNOWN,
        "name": "n",
        "size": 3,
        "zone": UNKNOWN,
        "region": "ap-south-1",
        "tags": {"A": "b"},
        "tags_all": {"Project": "dairy", "A": "b"},
        "rule": [{"port": 1, "note": "none"}],
    }


def test_an_unchanged_resource_is_planned_as_it_is() -> None:
    """No value moves, so that Terraform sees no change."""
    prior = _stored(size=4)
    planned = planning.plan(BLOCK, ROW, prior, {**prior}, AROUND)

    assert planned == planning.Planned(prior)


def test_a_change_in_place_makes_volatile_values_unknown() -> None:
    """What any change may move is known after apply."""
    prior = _stored()
    planned = planning.plan(BLOCK, ROW, prior, {**prior, "size": 5}, AROUND)

    assert planned.state is not None
    assert (planned.state["size"], planned.state["arn"]) == (5, UNKNOWN)
    assert planned.replaced_for == ()


def test_a_forced_attribute_replaces() -> None:
    """The attribute that forces the replacement is named."""
    prior = _stored()

    assert planning.plan(BLOCK, ROW, prior, {**prior, "name": "m"}, AROUND).replaced_for == (
        "name",
    )


def test_removal_is_planned_as_nothing() -> None:
    """A resource that is no longer configured has no planned state."""
    assert planning.plan(BLOCK, ROW, _stored(), None, AROUND).state is None


@pytest.mark.parametrize(
    ("kind", "left", "right", "same"),
    [
        (["set", "string"], ["a", "b"], ["b", "a"], True),
        (["list", "string"], ["a", "b"], ["b", "a"], False),
        (["set", "string"], None, [], True),
        ("string", '{"a": [1]}', '{"a":[1]}', True),
        ("string", '{"a": 1}', '{"a": 2}', False),
        ("string", "{", "{", True),
        ("number", 1, 1.0, True),
        (["map", "string"], None, {}, True),
        ("string", UNKNOWN, "a", False),
        (["set", ["object", {"p": "number"}]], [{"p": 1}], [{"p": 1.0}], True),
    ],
)
def test_equivalence_by_type(kind: Any, left: Any, right: Any, same: bool) -> None:
    """Sets have no order, JSON no layout, unknown equals nothing."""
    assert equivalent(kind, left, right) is same


def test_only_unknown_values_are_filled() -> None:
    """A planned value stays even where the API answers another: the next plan shows it."""
    planned = {"a": UNKNOWN, "b": 1, "c": [{"k": "y", "v": UNKNOWN}, {"k": "x", "v": UNKNOWN}]}
    observed = {"a": "A", "b": 2, "c": [{"k": "x", "v": "X"}, {"k": "y", "v": "Y"}]}

    assert complete(planned, observed) == {
        "a": "A",
        "b": 1,
        "c": [{"k": "y", "v": "Y"}, {"k": "x", "v": "X"}],
    }


def test_refresh_shows_drift_and_not_defaults() -> None:
    """A changed value and a lost rule show; what was never configured does not."""
    stored = _stored(size=None, rule=[{"port": 1, "note": "n"}, {"port": 2, "note": "n"}])
    observed = {"zone": "other", "size": 8, "rule": [{"port": 2, "note": "n"}]}
    result = refresh(BLOCK, stored, observed)

    assert (result["zone"], result["size"]) == ("other", None)
    assert result["rule"] == [{"port": 2, "note": "n"}]
    assert not blocks_equivalent(BLOCK, stored, result)


def _shape() -> Any:
    return (
        DenormalizedStructureBuilder()
        .with_members(
            {
                "CidrBlock": {"type": "string"},
                "MaxSize": {"type": "integer"},
                "Tags": {
                    "type": "list",
                    "member": {
                        "type": "structure",
                        "members": {"Key": {"type": "string"}, "Value": {"type": "string"}},
                    },
                },
                "Config": {
                    "type": "structure",
                    "members": {
                        "Quantity": {"type": "integer"},
                        "Items": {"type": "list", "member": {"type": "string"}},
                    },
                },
            }
        )
        .build_model()
    )


def test_parameters_are_matched_by_name_and_converted_by_shape() -> None:
    """Names match without punctuation; blocks, counted lists and maps take the API's form."""
    values = {
        "cidr_block": "10.0.0.0/16",
        "size": "3",
        "tags": {"b": "2", "a": "1"},
        "config": [{"items": ["x"]}],
    }

    assert encode(_shape(), values, {"size": "MaxSize"}) == {
        "CidrBlock": "10.0.0.0/16",
        "MaxSize": 3,
        "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
        "Config": {"Quantity": 1, "Items": ["x"]},
    }


def test_a_set_attribute_without_parameter_is_an_error() -> None:
    """Nothing that was asked for is dropped silently."""
    with pytest.raises(Unencodable, match="lost"):
        encode(_shape(), {"lost": "value"}, {})


def test_answers_are_read_by_type() -> None:
    """Numbers, flags and lists of maps come back in the schema's types."""
    block = _block(
        max_size=_attribute("number"),
        on=_attribute("bool"),
        labels=_attribute(["map", "string"]),
        other=_attribute(),
    )
    answer = {"MaxSize": "3", "On": "true", "Labels": [{"Key": "a", "Value": "b"}], "More": 1}

    assert decode_block(block, answer, {}) == {"max_size": 3, "on": True, "labels": {"a": "b"}}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("10.0.0.0/16", None),
        ("2001:db8::/32", None),
        ("10.0.0.1/16", "10.0.0.0/16"),
        ("10.0.0.0", "prefix length"),
        ("not-a-cidr", "expected a CIDR block"),
        ("10.0.0.0/33", "expected a CIDR block"),
    ],
)
def test_cidr_blocks_are_checked(text: str, what: str | None) -> None:
    """A network address with a prefix length, and nothing else."""
    found = checks.cidr_problem(text)

    assert (found is None) if what is None else (found is not None and what in found)


def test_checks_find_values_at_any_depth() -> None:
    """CIDR and JSON by attribute name, and values that cannot be configured."""
    block = {
        "attributes": {
            "arn": _attribute(flags="c"),
            "policy": _attribute(),
            "ingress": _attribute(["set", ["object", {"cidr_blocks": ["list", "string"]}]]),
        },
        "block_types": {"inner": {"nesting_mode": "list", "block": _block(cidr=_attribute())}},
    }
    found = checks.problems(
        block,
        {
            "arn": "x",
            "policy": "{",
            "ingress": [{"cidr_blocks": ["10.0.0.0/8", "10.1.0.1/8"]}],
            "inner": [{"cidr": "x"}, {"cidr": UNKNOWN}],
        },
    )

    assert [problem.path for problem in found] == [
        ("arn",),
        ("policy",),
        ("ingress",),
        ("inner", "cidr"),
    ]


def test_policy_documents_are_rendered_as_the_provider_does() -> None:
    """One value is a text, several are sorted downwards; conditions keep their order."""
    config = {
        "statement": [
            {
                "sid": "a",
                "actions": ["s3:Get", "s3:Put"],
                "resources": ["*"],
                "principals": [{"type": "AWS", "identifiers": ["x"]}],
                "condition": [{"test": "Bool", "variable": "v", "values": ["b", "a"]}],
            }
        ]
    }
    override = json.dumps({"Statement": [{"Sid": "a", "Effect": "Deny"}]})

    assert json.loads(policy_document.render(config)) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "a",
                "Effect": "Allow",
                "Action": ["s3:Put", "s3:Get"],
                "Resource": "*",
                "Principal": {"AWS": "x"},
                "Condition": {"Bool": {"v": ["b", "a"]}},
            }
        ],
    }
    merged = policy_document.render({**config, "override_policy_documents": [override]})
    assert json.loads(merged)["Statement"] == [{"Sid": "a", "Effect": "Deny"}]


def test_the_journal_yields_only_what_no_state_names(tmp_path: Path) -> None:
    """What a killed run made is offered once, to the same plan, and not what is recorded."""
    state = tmp_path / "state"
    state.write_text(
        json.dumps({"resources": [{"type": "t", "instances": [{"attributes": {"id": "2"}}]}]})
    )
    earlier = Journal(tmp_path / "journal", state)
    for number in ("1", "2", "3"):
        earlier.record("t", {"a": UNKNOWN}, number)
    (tmp_path / "journal").open("a").write('{"type": "t", "pla')
    later = Journal(tmp_path / "journal", state)

    assert list(earlier.unrecorded("t", {"a": None})) == []
    assert list(later.unrecorded("t", {"a": "other"})) == []
    assert list(later.unrecorded("t", {"a": UNKNOWN})) == ["1", "3"]
    assert list(later.unrecorded("t", {"a": UNKNOWN})) == []


@pytest.mark.parametrize("name", sorted(TYPES))
def test_tables_name_operations_that_exist(name: str) -> None:
    """Every operation and parameter of a mapping is one of the service's own."""
    row = TYPES[name]
    calls = [row.create, row.read.act, row.delete, *(change.act for change in row.changes)]
    for call in calls:
        if isinstance(call, Call):
            members = coverage.parameters(call.service or row.service, call.operation)
            assert set(call.params) <= set(members), call
    if row.tagging:
        style = tagging.STYLES[row.tagging]
        for call in (style.set, style.unset, style.read):
            assert call is None or coverage.parameters(style.service, call.operation)


def test_lost_attributes_are_named() -> None:
    """An attribute that is set and reaches no call is lost; defaults and local ones are not."""
    values = {"name": "n", "size": 5, "zone": "z", "rule": [{"port": 1}], "arn": "a"}

    assert coverage.lost(ROW, BLOCK, values) == ["zone"]


def test_mappings_load_without_the_api_client() -> None:
    """A plan needs the tables and not the client library, which takes half a second to load."""
    command = importlib.import_module("harness.command")
    code = (
        "import sys, harness.provision.standin.servicer, harness.provision.standin.mappings\n"
        "print('boto3' in sys.modules, 'botocore' in sys.modules)"
    )
    import sys

    done = command.run([sys.executable, "-c", code], limit_seconds=30)

    assert done.stdout.split() == ["False", "False"]
