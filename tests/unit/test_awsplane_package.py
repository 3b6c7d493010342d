"""The package as the emulator loads it: self-contained, content-addressed, its names right."""

from __future__ import annotations

import ast
import configparser
import os
import stat
import sys
import threading
from pathlib import Path

import pytest

from harness.awsplane import package
from harness.awsplane.binding import Binding
from harness.awsplane.operations import classify, unknown_operation
from harness.stack import aws_package
from harness.stack.folders import Folders

SOURCES = sorted(Path(package.__file__).parent.glob("*.py"))
# What the emulator's image has beside the standard library.
IN_THE_IMAGE = {"botocore", "dns", "localstack", "moto", "urllib3"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_module_imports_nothing_that_the_container_lacks(path: Path) -> None:
    foreign = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            foreign |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            foreign.add(node.module.split(".")[0])

    assert foreign <= IN_THE_IMAGE | set(sys.stdlib_module_names)


def test_every_entry_point_is_an_attribute_of_plugins() -> None:
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(package.entry_points())
    tree = ast.parse((Path(package.__file__).parent / "plugins.py").read_text())
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    providers = parser["localstack.aws.provider"]
    assert {name.count(":") for name in providers} == {1}
    assert {name.split(":")[0] for name in providers} == set(package.PROVIDERS)
    for line in [*providers.values(), *parser["localstack.hooks.on_infra_start"].values()]:
        module, _, attribute = line.partition(":")
        assert module == "awsplane.plugins"
        assert attribute in assigned


def test_the_files_hold_the_whole_package_and_its_metadata() -> None:
    files = package.files()

    assert {f"awsplane/{path.name}" for path in SOURCES} < set(files)
    [metadata] = {name.split("/")[0] for name in files} - {"awsplane"}
    assert metadata.endswith(".dist-info")
    assert f"{metadata}/entry_points.txt" in files


def test_the_digest_changes_with_any_content_or_name() -> None:
    content = {"a": "x", "b": "y"}

    digests = {
        package.digest(c)
        for c in (content, {"a": "x", "b": "z"}, {"a": "x", "c": "y"}, {"a": "xb", "": "y"})
    }

    assert len(digests) == 4
    assert package.digest(dict(reversed(content.items()))) == package.digest(content)


def test_the_folder_is_written_whole_readable_and_once(tmp_path: Path) -> None:
    where = Folders(tmp_path)
    before = os.umask(0o077)
    try:
        target = aws_package.write(where)
    finally:
        os.umask(before)

    assert target == aws_package.folder(where)
    assert {str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()} == set(
        package.files()
    )
    modes = {stat.S_IMODE(p.stat().st_mode) for p in (target, *target.rglob("*"))}
    assert modes == {0o755, 0o644}
    assert aws_package.write(where) == target


def test_a_folder_that_was_left_half_written_is_made_anew(tmp_path: Path) -> None:
    where = Folders(tmp_path)
    partial = aws_package.folder(where).with_name(aws_package.version() + ".partial")
    partial.mkdir(parents=True)
    (partial / "left over").touch()

    target = aws_package.write(where)

    assert not (target / "left over").exists()
    assert not partial.exists()


def test_operations_are_sorted_into_real_kept_and_missing() -> None:
    found = classify(["C", "A", "B", "D"], real={"A"}, kept={"A", "B"})

    assert (found.real, found.kept, found.missing) == (("A",), ("B",), ("C", "D"))
    assert found.as_json() == {"real": ["A"], "kept": ["B"], "missing": ["C", "D"]}


def test_a_handler_for_an_operation_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="TestFailOver"):
        classify(["TestFailover"], real={"TestFailOver"}, kept=())


@pytest.mark.parametrize(
    ("protocol", "code"),
    [
        ("query", "InvalidAction"),
        ("ec2", "InvalidAction"),
        ("json", "UnknownOperationException"),
        ("rest-json", "UnknownOperationException"),
        ("rest-xml", "UnknownOperationException"),
    ],
)
def test_a_missing_operation_is_answered_as_an_unknown_one(protocol: str, code: str) -> None:
    refusal = unknown_operation("rds", "DescribeCertificates", protocol)

    assert (refusal.code, refusal.status) == (code, 400)
    assert "status --aws" in refusal.message


def test_one_change_of_a_resource_at_a_time() -> None:
    binding = Binding()

    assert binding.begin("rds primary")
    assert not binding.begin("rds primary")
    assert binding.begin("elasticache")
    assert binding.is_busy("rds primary")
    binding.end("rds primary")
    assert not binding.is_busy("rds primary")
    assert binding.begin("rds primary")
    assert (binding.begun("rds primary"), binding.begun("rds replica")) == (2, 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_mark_is_taken_off_when_a_change_fails() -> None:
    binding = Binding()
    entered = threading.Event()
    leave = threading.Event()
    binding.begin("x")

    def change() -> None:
        entered.set()
        leave.wait(5)
        raise RuntimeError("the change failed")

    binding.work("x", change)
    assert entered.wait(5)
    assert binding.is_busy("x")
    leave.set()
    for thread in threading.enumerate():
        if thread.name == "awsplane x":
            thread.join(5)
    assert not binding.is_busy("x")
