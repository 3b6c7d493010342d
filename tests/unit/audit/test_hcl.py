"""HCL is read as far as it states its values; the rest is known to be unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.audit.inventory import Inventory
from harness.audit.terraform_folder import load
from harness.audit.value import Unknown, references


def _read(folder: Path, **files: str) -> Inventory:
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.tf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    problems: list[str] = []
    found = load(folder, problems)
    assert problems == []
    return found


def _value(folder: Path, expression: str, before: str = "") -> Any:
    text = f'{before}\nresource "a_b" "c" {{\n  v = {expression}\n}}\n'
    return _read(folder, main=text).of("a_b")[0].get("v")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("-(2) + 1.5", -0.5),
        ('"a-${local.word}-${1 + 1}"', "a-word-2"),
        ('local.word == "word" ? [1] : [2]', [1]),
        ("!true || false", False),
        ('{ (local.word) = 1, "x/${local.word}" : 2 }', {"word": 1, "x/word": 2}),
        ('[for k, v in { a = 1, b = 2 } : "${k}${v}" if v > 1]', ["b2"]),
        ('{ for v in ["a", "b"] : v => upper(v) }', {"a": "A", "b": "B"}),
        ('cidrsubnet("10.0.0.0/16", 8, 201)', "10.0.201.0/24"),
        ('cidrsubnets("10.0.0.0/16", 8, 8)', ["10.0.0.0/24", "10.0.1.0/24"]),
        ("var.sizes.large", 5),
        ("var.sizes.small", 1),
        ("local.list[1]", "y"),
        ("local.objects[*].n", [1, 2]),
        ("merge({ a = 1 }, { a = 2, b = 3 })", {"a": 2, "b": 3}),
        ("length([var.absent, 1])", 2),
        ('try(var.absent, "b")', "b"),
        ("<<-EOT\n    one\n    two\n  EOT\n", "    one\n    two\n"),
        ("local.cycle", Unknown("local.cycle")),
        ("uuid()", Unknown("uuid()")),
    ],
)
def test_expressions_are_evaluated(tmp_path: Path, expression: str, expected: object) -> None:
    """Literals, operators, loops, functions, locals and defaults of types."""
    before = """
    locals {
      word    = "word"
      list    = ["x", "y"]
      objects = [{ n = 1 }, { n = 2 }]
      cycle   = local.other
      other   = local.cycle
    }
    variable "sizes" {
      type    = object({ large = number, small = optional(number, 1) })
      default = { large = 5 }
    }
    variable "absent" {}
    """

    assert expected == _value(tmp_path, expression, before)


def test_unknown_values_name_what_they_come_from(tmp_path: Path) -> None:
    """What a provider computes is unknown and refers to its resource."""
    value = _value(tmp_path, '"${x_y.z.id}-a"', 'resource "x_y" "z" {\n  name = "n"\n}')

    assert isinstance(value, Unknown)
    assert value.references == {"x_y.z"}


def test_arguments_of_other_resources_are_known(tmp_path: Path) -> None:
    """A reference to an argument that is written has its value."""
    assert _value(tmp_path, "x_y.z.name", 'resource "x_y" "z" {\n  name = "n"\n}') == "n"


def test_modules_pass_values_and_references(tmp_path: Path) -> None:
    """Arguments go into local modules, outputs come out, unknown ones with their address."""
    found = _read(
        tmp_path,
        main='module "m" {\n  source = "./m"\n  size = 3\n}\n'
        'resource "a_b" "c" {\n  n = module.m.size\n  id = module.m.id\n}\n',
        m__main='variable "size" {}\nresource "x_y" "z" {\n  size = var.size\n}\n'
        'output "size" {\n  value = var.size\n}\noutput "id" {\n  value = x_y.z.id\n}\n',
    )

    resource = found.of("a_b")[0]
    assert resource.get("n") == 3
    assert references(resource.get("id")) == {"module.m.x_y.z"}
    assert found.of("x_y")[0].address == "module.m.x_y.z"


def test_count_for_each_and_dynamic_are_expanded(tmp_path: Path) -> None:
    """Instances have their index or key; dynamic blocks become blocks."""
    found = _read(
        tmp_path,
        main='resource "a_b" "c" {\n  count = 2\n  n = count.index\n}\n'
        'resource "a_b" "e" {\n  for_each = { x = 1 }\n  k = each.key\n  v = each.value\n}\n'
        'resource "a_b" "d" {\n  dynamic "rule" {\n    for_each = [7, 8]\n'
        "    content {\n      port = rule.value\n    }\n  }\n}\n",
    )

    by_address = {r.address: r for r in found.resources}
    assert by_address["a_b.c[1]"].get("n") == 1
    assert by_address['a_b.e["x"]'].get("v") == 1
    assert [rule["port"] for rule in by_address["a_b.d"].get("rule")] == [7, 8]


def test_lines_are_those_of_fields(tmp_path: Path) -> None:
    """A field inside a block or an object has its own line, and its comment."""
    found = _read(
        tmp_path,
        main='resource "a_b" "c" {\n\n  set {\n    x = 1 # one\n  }\n'
        "  map = {\n    deep = {\n      y = 2\n    }\n  }\n}\n",
    ).of("a_b")[0]

    assert found.place.line == 1
    assert found.at("set", 0, "x").line == 4
    assert found.remark(("set", 0, "x")) == "# one"
    assert found.at("map", "deep", "y").line == 8
    assert found.at("map", "absent").line == 6


def test_undeclared_names_are_found_with_their_line(tmp_path: Path) -> None:
    """Names of loops, instances and dynamic blocks are no references."""
    found = _read(
        tmp_path,
        main='resource "a_b" "c" {\n  for_each = toset(["a"])\n'
        "  ok = [for x in [1] : x.y + each.value]\n  bad = absent_type.one.id\n}\n",
    )

    wrong = [(r.name, r.place.line) for r in found.references if not r.declared]
    assert wrong == [("absent_type.one", 4)]


def test_registry_modules_are_read_as_their_arguments_state(tmp_path: Path) -> None:
    """The VPC module's subnets come from its lists; an unknown module is not judged."""
    found = _read(
        tmp_path,
        main='module "vpc" {\n  source = "terraform-aws-modules/vpc/aws"\n  azs = ["a", "b"]\n'
        '  private_subnets = ["10.0.1.0/24", "10.0.2.0/24"]\n}\n'
        'module "other" {\n  source = "somebody/thing/aws"\n}\n'
        'resource "a_b" "c" {\n  ids = module.vpc.private_subnets\n}\n',
    )

    zones = {s.get("cidr_block"): s.get("availability_zone") for s in found.of("aws_subnet")}
    assert zones == {"10.0.1.0/24": "a", "10.0.2.0/24": "b"}
    named = found.referred(found.of("a_b")[0].refers("ids"), "aws_subnet")
    assert len(named) == 2
    assert [n.what for n in found.not_judged] == ["module.other (somebody/thing/aws)"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('resource "a" "b" {\n  x = \n}\n', 2, "valid HCL"),
        ('a = "unclosed\n', 2, "end of the file"),
        ("a = 1\na = 2\n", 2, "once"),
    ],
)
def test_malformed_files_are_named_with_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    """Every malformed file of a folder is a problem of its own."""
    (tmp_path / "one.tf").write_text(text, encoding="utf-8")
    (tmp_path / "two.tf").write_text("b = [\n", encoding="utf-8")
    problems: list[str] = []
    load(tmp_path, problems)

    assert len(problems) == 2
    assert problems[0].startswith(f"{tmp_path}/one.tf:{line}: ")
    assert words in problems[0]


def test_a_module_that_calls_itself_is_refused(tmp_path: Path) -> None:
    """Recursion of modules is a problem, no endless reading."""
    (tmp_path / "main.tf").write_text('module "m" {\n  source = "./"\n}\n', encoding="utf-8")
    problems: list[str] = []
    load(tmp_path, problems)

    assert len(problems) == 1
    assert "do not call themselves" in problems[0]


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    """No .tf file is a problem, not an empty pass."""
    problems: list[str] = []
    load(tmp_path, problems)

    assert "expected a folder with .tf files" in problems[0]


def test_modules_may_use_each_other_in_any_order(tmp_path: Path) -> None:
    """An argument that comes from a module called further down has its value."""
    inner = (
        'variable "in" {}\noutput "out" {\n  value = "v"\n}\n'
        'resource "a_b" "c" {\n  v = var.in\n}\n'
    )
    found = _read(
        tmp_path,
        main='module "a" {\n  source = "./m"\n  in = module.b.out\n}\n'
        'module "b" {\n  source = "./m"\n  in = module.a.out\n}\n',
        m__main=inner,
    )

    assert [r.get("v") for r in found.of("a_b")] == ["v", "v"]


def test_instances_of_modules_have_their_key(tmp_path: Path) -> None:
    """A module called for each of some keys is there as often, with its own arguments."""
    found = _read(
        tmp_path,
        main='module "m" {\n  source = "./m"\n  for_each = { x = 1, y = 2 }\n  n = each.value\n}\n'
        'resource "d_e" "f" {\n  id = module.m["y"].id\n}\n',
        m__main='variable "n" {}\nresource "a_b" "c" {\n  n = var.n\n}\n'
        'output "id" {\n  value = a_b.c.id\n}\n',
    )

    assert {r.address: r.get("n") for r in found.of("a_b")} == {
        'module.m["x"].a_b.c': 1,
        'module.m["y"].a_b.c': 2,
    }
    assert len(found.referred(found.of("d_e")[0].refers("id"), "a_b")) == 2
