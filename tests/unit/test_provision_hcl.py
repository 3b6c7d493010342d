"""Reading Terraform files: blocks, labels, lines and what is malformed."""

from __future__ import annotations

import pytest

from harness.provision.hcl import Block, Malformed, parse, parse_json

EXAMPLE = """
# a comment with { braces
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
  backend "s3" {
    bucket = "b" // more { braces
  }
}
/* several
lines { */
resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
  tags = merge(local.tags, {
    Name = "main-${var.name == "a" ? "}" : "{"}"
  })
  policy = <<-EOT
    { "not": "a block" }
  EOT
  dynamic "thing" {
    for_each = [for x in var.list : { y = x }]
    content {
      name = thing.value
    }
  }
}
provider aws {
  alias  = "second"
  region = "us-${"east"}-1"
}
"""


def _by_kind(blocks: tuple[Block, ...]) -> dict[str, Block]:
    return {block.kind: block for block in blocks}


def test_blocks_have_labels_lines_and_literal_texts() -> None:
    """Strings, templates, heredocs and comments never open or close a block."""
    found = _by_kind(parse(EXAMPLE))

    assert list(found) == ["terraform", "resource", "provider"]
    assert (found["resource"].labels, found["resource"].line) == (("aws_vpc", "main"), 16)
    assert found["resource"].texts == {"cidr_block": "10.0.0.0/16"}
    assert found["provider"].texts == {"alias": "second"}
    assert found["provider"].labels == ("aws",)


def test_nested_blocks_and_objects_are_found() -> None:
    """A block inside a block and an object given as a value are both there."""
    terraform = _by_kind(parse(EXAMPLE))["terraform"]
    required = next(terraform.inside("required_providers"))

    assert [b.labels for b in terraform.inside("backend")] == [("s3",)]
    assert required.blocks[0].texts == {"source": "hashicorp/aws", "version": "~> 6.0"}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('resource "a" "b" {\n', 1, "closing brace"),
        ('a = "unfinished\n', 1, "end of the text"),
        ("\n\na = [1,\n2", 3, "closing bracket"),
        ("}\n", 1, "expected a block"),
        ("\nresource\n", 2, "expected '=' or '{'"),
        ("/* never closed", 1, "end of the comment"),
        ("a = 1)\n", 1, "unexpected ')'"),
    ],
)
def test_malformed_text_is_named_with_its_line(text: str, line: int, what: str) -> None:
    """What is wrong is said with the line where it starts."""
    with pytest.raises(Malformed) as caught:
        parse(text)

    assert caught.value.line == line
    assert what in str(caught.value)


def test_json_configuration_reads_the_same() -> None:
    """The JSON form has the same blocks."""
    text = """{
      "provider": {"aws": [{"alias": "x"}, {"region": "r"}]},
      "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
      "resource": {"aws_vpc": {"main": {"cidr_block": "10.0.0.0/16"}}}
    }"""
    blocks = parse_json(text)

    assert [b.labels for b in blocks if b.kind == "provider"] == [("aws",), ("aws",)]
    assert [b.labels for b in blocks if b.kind == "resource"] == [("aws_vpc", "main")]
    required = next(next(b for b in blocks if b.kind == "terraform").inside("required_providers"))
    assert required.blocks[0].texts == {"source": "hashicorp/aws"}


@pytest.mark.parametrize("text", ["[]", "{", "nothing"])
def test_malformed_json_is_refused(text: str) -> None:
    """A JSON configuration that is no object is named."""
    with pytest.raises(Malformed):
        parse_json(text)
