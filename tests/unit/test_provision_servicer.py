"""The provider's answers to Terraform's requests, without a Terraform and without an API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tf.gen import tfplugin_pb2 as pb

from harness.provision.standin import wire
from harness.provision.standin.mapping import Call, Read, ResourceType
from harness.provision.standin.servicer import Servicer
from harness.provision.standin_marker import MARKER

ENDPOINT = "http://127.0.0.1:1"


def _text(**flags: bool) -> dict[str, Any]:
    return {"type": "string", **flags}


SCHEMAS = {
    "provider": {
        "attributes": {"region": _text(optional=True)},
        "block_types": {
            "endpoints": {
                "nesting_mode": "set",
                "block": {"attributes": {"s3": _text(optional=True)}, "block_types": {}},
            },
            "default_tags": {
                "nesting_mode": "list",
                "block": {
                    "attributes": {"tags": {"type": ["map", "string"], "optional": True}},
                    "block_types": {},
                },
            },
        },
    },
    "resources": {
        "aws_thing": {
            "attributes": {
                "id": _text(computed=True),
                "cidr_block": _text(optional=True),
                "password": _text(optional=True),
                "tags": {"type": ["map", "string"], "optional": True},
                "tags_all": {"type": ["map", "string"], "computed": True, "optional": True},
            },
            "block_types": {},
        }
    },
    "data": {},
}
TYPES = {"aws_mapped": ResourceType("x", Call("create"), Read(Call("read")), None)}


@pytest.fixture
def servicer() -> Servicer:
    return Servicer(SCHEMAS, TYPES, endpoint=ENDPOINT, version="6.25.0")


def _configure(servicer: Servicer, **config: Any) -> Any:
    given = {"region": None, "endpoints": [], "default_tags": [], **config}
    return servicer.ConfigureProvider(
        pb.ConfigureProvider.Request(config=wire.write(given)), context=None
    )


def _resource(**values: Any) -> dict[str, Any]:
    return {**dict.fromkeys(SCHEMAS["resources"]["aws_thing"]["attributes"]), **values}


def test_sensitive_attributes_are_marked_by_name(servicer: Servicer) -> None:
    """The schemas do not say what is sensitive; passwords and their like are."""
    answer = servicer.GetProviderSchema(pb.GetProviderSchema.Request(), context=None)
    block = answer.resource_schemas["aws_thing"].block

    assert {a.name for a in block.attributes if a.sensitive} == {"password"}
    assert json.loads(next(a.type for a in block.attributes if a.name == "tags")) == [
        "map",
        "string",
    ]


def test_every_run_is_warned_of_the_standin(servicer: Servicer) -> None:
    """Nobody takes the plan for the real provider's."""
    answer = _configure(servicer, endpoints=[{"s3": ENDPOINT}])

    assert [d.severity for d in answer.diagnostics] == [pb.Diagnostic.WARNING]
    assert "6.25.0" in answer.diagnostics[0].detail


def test_an_endpoint_of_another_place_is_refused(servicer: Servicer) -> None:
    """The provider calls nothing but the endpoint it was started for."""
    answer = _configure(servicer, endpoints=[{"s3": "https://s3.amazonaws.com"}])

    assert [d.severity for d in answer.diagnostics] == [pb.Diagnostic.ERROR]
    assert "s3.amazonaws.com" in answer.diagnostics[0].detail


def test_a_plan_has_default_tags_and_the_marker(servicer: Servicer) -> None:
    """What the provider's configuration adds is planned, and the state will be known again."""
    _configure(servicer, default_tags=[{"tags": {"Project": "dairy"}}])
    request = pb.PlanResourceChange.Request(
        type_name="aws_thing",
        prior_state=wire.write(None),
        proposed_new_state=wire.write(_resource(tags={"A": "b"})),
    )
    answer = servicer.PlanResourceChange(request, context=None)
    state = wire.read(answer.planned_state)

    assert state["tags_all"] == {"Project": "dairy", "A": "b"}
    assert state["id"] is wire.UNKNOWN
    assert answer.planned_private == MARKER


def test_values_are_checked_with_their_path(servicer: Servicer) -> None:
    """The attribute that is wrong is the one that Terraform points at."""
    request = pb.ValidateResourceConfig.Request(
        type_name="aws_thing", config=wire.write(_resource(cidr_block="10.0.0.1/8", id="x"))
    )
    answer = servicer.ValidateResourceConfig(request, context=None)

    named = [d.attribute.steps[0].attribute_name for d in answer.diagnostics]
    assert sorted(named) == ["cidr_block", "id"]


def test_an_unmapped_type_is_refused_by_name_and_stays_as_it_was(servicer: Servicer) -> None:
    """The last line of defence, should a plan reach the provider past the harness."""
    request = pb.ApplyResourceChange.Request(
        type_name="aws_thing",
        prior_state=wire.write(None),
        planned_state=wire.write(_resource()),
    )
    answer = servicer.ApplyResourceChange(request, context=None)

    assert wire.read(answer.new_state) is None
    assert "aws_thing: the stand-in provider can plan this type" in answer.diagnostics[0].detail


def test_import_is_refused(servicer: Servicer) -> None:
    """What exists outside a configuration is not taken over."""
    request = pb.ImportResourceState.Request(type_name="aws_thing", id="x")
    answer = servicer.ImportResourceState(request, context=None)

    assert answer.diagnostics[0].severity == pb.Diagnostic.ERROR
