"""Schemas from a package written by hand in the form of the real one."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from harness.provision.schema_source import Extracted, extract

ROOT_CLASS = """
export class {name} extends cdktf.{kind} {{
  public static readonly tfResourceType = "{type}";

{members}
  protected synthesizeHclAttributes(): {{ [name: string]: any }} {{
    const attrs = {{
{hcl}
    }};
  }}
}}
"""
BLOCK_CLASS = """
export class {name}OutputReference extends cdktf.ComplexObject {{
{members}
}}
export function {lower}ToHclTerraform(struct?: {name}): any {{
  const attrs = {{
{hcl}
  }};
}}
"""


def _member(name: str, flags: str, code: str) -> str:
    said = [f"{word}: {'true' if word[0] in flags else 'false'}" for word in _WORDS]
    return f"  // {name} - {', '.join(said)}\n  {code}\n\n\n\n"


_WORDS = ("computed", "optional", "required")


def _getter(name: str, call: str = "getStringAttribute") -> str:
    return f"private _x?: string;\n  public get x() {{\n    return this.{call}('{name}');\n  }}"


def _hcl(name: str, *, value: str = "x", block: bool = False, kind: str, storage: str) -> str:
    return (
        f"      {name}: {{\n        value: {value},\n        isBlock: {str(block).lower()},\n"
        f'        type: "{kind}",\n        storageClassType: "{storage}",\n      }},'
    )


def _package(library: Path, folder: str, source: str) -> None:
    target = library / folder
    target.mkdir(parents=True)
    mapped = base64.b64encode(json.dumps({"sourcesContent": [source]}).encode()).decode()
    (target / "index.js").write_text(f"code;\n//# sourceMappingURL=data:x;base64,{mapped}\n")


RESOURCE = ROOT_CLASS.format(
    name="Thing",
    kind="TerraformResource",
    type="aws_thing",
    members="\n".join(
        [
            _member("arn", "c", _getter("arn")),
            _member("name", "r", _getter("name")),
            _member("size", "co", _getter("size", "getNumberAttribute")),
            _member("on", "o", _getter("on", "getBooleanAttribute")),
            _member("labels", "o", _getter("labels", "getStringMapAttribute")),
            _member("zones", "o", _getter("zones", "getListAttribute")),
            _member("rule", "r", 'private _rule = new ThingRuleList(this, "rule", true);'),
            _member("one", "o", 'private _one = new ThingOneOutputReference(this, "one");'),
            _member("open", "co", 'private _open = new ThingOpenList(this, "open", true);'),
        ]
    ),
    hcl="\n".join(
        [
            _hcl("zones", kind="set", storage="stringList"),
            _hcl(
                "rule",
                value="cdktf.listMapperHcl(thingRuleToHclTerraform, true)(this._rule)",
                block=True,
                kind="set",
                storage="ThingRuleList",
            ),
            _hcl("one", value="one(this._one)", block=True, kind="list", storage="ThingOneList"),
            _hcl(
                "open",
                value="cdktf.listMapperHcl(thingOpenToHclTerraform, false)(this._open)",
                block=True,
                kind="set",
                storage="ThingOpenList",
            ),
        ]
    ),
) + "".join(
    BLOCK_CLASS.format(
        name=name,
        lower=name[0].lower() + name[1:],
        members=_member("port", "r", _getter("port", "getNumberAttribute")),
        hcl=_hcl("port", kind="simple", storage="number"),
    )
    for name in ("ThingRule", "ThingOne", "ThingOpen")
)
ODD = ROOT_CLASS.format(
    name="Odd",
    kind="TerraformResource",
    type="aws_odd",
    members=_member("shape", "o", _getter("shape", "interpolationForAttribute")),
    hcl="",
)


@pytest.fixture
def extracted(tmp_path: Path) -> Extracted:
    _package(tmp_path, "thing", RESOURCE)
    _package(tmp_path, "odd", ODD)
    data = RESOURCE.replace("TerraformResource", "TerraformDataSource")
    _package(tmp_path, "data-aws-thing", data)
    return extract(tmp_path)


def test_attributes_have_types_and_flags(extracted: Extracted) -> None:
    """Types come from the getters, sets from the conversion, flags from the comments."""
    assert extracted.resources["aws_thing"]["attributes"] == {
        "arn": {"type": "string", "computed": True},
        "name": {"type": "string", "required": True},
        "size": {"type": "number", "computed": True, "optional": True},
        "on": {"type": "bool", "optional": True},
        "labels": {"type": ["map", "string"], "optional": True},
        "zones": {"type": ["set", "string"], "optional": True},
        "open": {
            "type": ["set", ["object", {"port": "number"}]],
            "computed": True,
            "optional": True,
        },
    }


def test_blocks_have_nesting_and_counts(extracted: Extracted) -> None:
    """A required block stands once at least, a single one once at most."""
    inner = {"attributes": {"port": {"type": "number", "required": True}}, "block_types": {}}

    assert extracted.resources["aws_thing"]["block_types"] == {
        "rule": {"nesting_mode": "set", "block": inner, "min_items": 1},
        "one": {"nesting_mode": "list", "block": inner, "max_items": 1},
    }


def test_what_cannot_be_rebuilt_is_left_out_by_name(extracted: Extracted) -> None:
    """One type that is not understood costs that type and says where."""
    assert list(extracted.resources) == ["aws_thing"]
    assert list(extracted.data_sources) == ["aws_thing"]
    assert "shape" in extracted.left_out["odd"]
