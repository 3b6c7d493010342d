"""Objects are validated against the bundled schemas of a version, each shape once."""

from __future__ import annotations

from typing import Any

import pytest

from harness.audit import schemas, shapes


def _service(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (_service(ports=[{"port": "80"}]), ("spec", "ports", 0, "port")),
        (_service(portz=[]), ("spec",)),
        (_service(selector=["a"]), ("spec", "selector")),
    ],
)
def test_errors_name_their_field(value: dict[str, Any], path: tuple[str | int, ...]) -> None:
    """A wrong type and an unknown field are found where they stand."""
    found = schemas.problems_of(value, "1.34")

    assert found is not None
    assert [place for place, _ in found] == [path]


def test_valid_objects_have_none() -> None:
    """What the API accepts has no problem."""
    assert schemas.problems_of(_service(ports=[{"port": 80, "targetPort": "http"}]), "1.34") == []


@pytest.mark.parametrize(
    "value",
    [
        {"apiVersion": "example.org/v1", "kind": "Widget"},
        {"apiVersion": "apps/v9", "kind": "Deployment"},
        {"apiVersion": "../..", "kind": "x/y"},
    ],
)
def test_kinds_without_schema_are_not_judged(value: dict[str, Any]) -> None:
    """Custom kinds, unknown versions and names that are no file name have no schema."""
    assert schemas.problems_of(value, "1.34") is None


@pytest.mark.parametrize(
    ("wanted", "found"), [("1.34", "1.34"), ("1.20", "1.25"), ("unknown", None), ("1.99", None)]
)
def test_nearest_version(wanted: str, found: str | None) -> None:
    """Never newer than the cluster, unless nothing older is bundled; else the newest."""
    assert schemas.nearest(wanted) == (found or schemas.versions()[-1])


def test_shapes_differ_by_keys_and_types_only() -> None:
    """Objects that a schema cannot tell apart are validated once."""
    one, other = _service(selector={"a": "b"}), _service(selector={"c": "d"})

    assert schemas.shape(one) == schemas.shape(other)
    assert schemas.shape(one) != schemas.shape(_service(selector={"a": 1}))
    assert schemas.shape(one) != schemas.shape(_service(selectors={"a": "b"}))


def test_types_that_rules_rely_on() -> None:
    """Each field of the wrong type is named with its path; nothing where a kind is not built in."""
    value = _service(ports=[{"port": 1}, {"port": True}, "x"], selector={"matchLabels": {}})
    found = list(shapes.problems_of(value, "Service", lambda path: f"f:{len(path)}"))

    assert sorted(found) == [
        "f:3: Service: field 'spec.ports.2': expected a mapping, got 'x'",
        "f:4: Service: field 'spec.ports.1.port': expected a whole number, got True",
    ]
    assert list(shapes.problems_of(value, "Widget", lambda path: "f")) == []
