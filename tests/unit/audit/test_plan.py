"""Plans are read with what they know and do not know; other documents are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.audit.sources import Sources, load
from harness.audit.terraform_plan import load as load_plan
from harness.audit.value import Unknown
from harness.errors import InputInvalid


def _plan(**more: Any) -> dict[str, Any]:
    subnet = {"address": "module.net.aws_subnet.main[0]", "mode": "managed", "type": "aws_subnet"}
    group = {
        "address": "aws_db_subnet_group.main",
        "mode": "managed",
        "type": "aws_db_subnet_group",
    }
    return {
        "format_version": "1.2",
        "planned_values": {
            "root_module": {
                "resources": [{**group, "name": "main", "values": {"name": "g", "tags": None}}],
                "child_modules": [
                    {
                        "resources": [
                            {**subnet, "name": "main", "values": {"cidr_block": "10.0.1.0/24"}}
                        ]
                    }
                ],
            }
        },
        "resource_changes": [
            {
                "address": "aws_db_subnet_group.main",
                "change": {"after_unknown": {"subnet_ids": True, "tags_all": {}}},
            }
        ],
        "configuration": {
            "root_module": {
                "resources": [
                    {
                        "address": "aws_db_subnet_group.main",
                        "expressions": {
                            "subnet_ids": {"references": ["module.net.ids", "module.net"]}
                        },
                    }
                ],
                "module_calls": {
                    "net": {
                        "module": {
                            "outputs": {"ids": {"expression": {"references": ["aws_subnet.main"]}}},
                            "resources": [],
                        }
                    }
                },
            }
        },
        **more,
    }


def _write(folder: Path, document: Any) -> Path:
    path = folder / "plan.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_values_unknowns_and_references(tmp_path: Path) -> None:
    """Known values are there, unknown ones refer through modules to what they come from."""
    problems: list[str] = []
    found = load_plan(_write(tmp_path, _plan()), problems)

    assert problems == []
    group = found.of("aws_db_subnet_group")[0]
    assert group.get("name") == "g"
    assert isinstance(group.get("subnet_ids"), Unknown)
    named = found.referred(group.refers("subnet_ids"), "aws_subnet")
    assert [s.get("cidr_block") for s in named] == ["10.0.1.0/24"]


def test_known_values_still_refer_to_what_they_come_from(tmp_path: Path) -> None:
    """After an apply ids are known; the configuration says whose they are."""
    document = _plan(resource_changes=[])
    root = document["planned_values"]["root_module"]
    root["resources"][0]["values"]["subnet_ids"] = ["subnet-1"]
    found = load_plan(_write(tmp_path, document), [])

    group = found.of("aws_db_subnet_group")[0]
    assert group.get("subnet_ids") == ["subnet-1"]
    assert len(found.referred(group.refers("subnet_ids"), "aws_subnet")) == 1


def test_outputs_are_those_of_the_root(tmp_path: Path) -> None:
    """Without the HCL, a plan still says which names its outputs fill."""
    document = _plan()
    document["configuration"]["root_module"]["outputs"] = {"vpc_id": {"description": "Network."}}
    document["planned_values"]["outputs"] = {"vpc_id": {"value": "vpc-1"}}
    found = load_plan(_write(tmp_path, document), []).of("@output")

    assert [(o.name, o.get("description"), o.get("value")) for o in found] == [
        ("vpc_id", "Network.", "vpc-1")
    ]


def test_lines_come_from_the_folder(tmp_path: Path) -> None:
    """With the HCL beside it, planned resources are shown at file and line."""
    folder = tmp_path / "hcl"
    folder.mkdir()
    (folder / "main.tf").write_text(
        '\nresource "aws_db_subnet_group" "main" {\n  name = "g"\n}\n', encoding="utf-8"
    )
    found = load(Sources(terraform=(folder, _write(tmp_path, _plan()))), None)

    group = found.of("aws_db_subnet_group")
    assert len(group) == 1
    assert str(group[0].at("name")) == f"{folder}/main.tf:3"


def test_a_plan_in_the_folder_of_its_hcl_needs_no_second_option(tmp_path: Path) -> None:
    """The folder that the plan lies in gives the lines."""
    (tmp_path / "main.tf").write_text(
        'resource "aws_db_subnet_group" "main" {\n  name = "g"\n}\n', encoding="utf-8"
    )
    found = load(Sources(terraform=(_write(tmp_path, _plan()),)), None)

    assert found.of("aws_db_subnet_group")[0].place.file == str(tmp_path / "main.tf")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (_plan(format_version="2.0"), "field 'format_version': expected '1.x', got '2.0'"),
        (_plan(format_version=None), "expected '1.x', got None"),
        (_plan(planned_values=None), "it is a state"),
        (["no plan"], "expected '1.x', got None"),
        (_plan(planned_values={"root_module": {}}), "is the plan a destroy?"),
    ],
)
def test_other_documents_are_refused(tmp_path: Path, document: Any, words: str) -> None:
    """Another version, a state, something else and an empty plan are told apart."""
    with pytest.raises(InputInvalid, match=r"plan\.json:1") as caught:
        load(Sources(terraform=(_write(tmp_path, document),)), None)

    assert words in str(caught.value)


def test_text_that_is_no_json_is_refused_with_line(tmp_path: Path) -> None:
    """Malformed JSON and a binary plan file are refused with the next step."""
    path = tmp_path / "plan.json"
    path.write_text('{\n "a": \n', encoding="utf-8")
    problems: list[str] = []
    load_plan(path, problems)
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    load_plan(path, problems)

    assert "plan.json:3: expected JSON" in problems[0]
    assert "terraform show -json" in problems[1]
