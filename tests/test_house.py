"""The house rules as tests: each failure names file, line and remedy."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HARNESS = ROOT / "harness"

FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 420

# A package may import those of its own row and of the rows before it.
ROWS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "clock", "polling", "command", "model"}),
    frozenset({"checkers", "audit", "yaml_reader", "documents", "plan"}),
    frozenset({"safety", "stack", "clients", "chaos"}),
    frozenset({"sabotage_store", "judge", "gate", "report", "evidence", "progress", "console"}),
    frozenset({"runner", "lanes", "audit_lane", "answers", "commands", "gate_commands"}),
    frozenset({"cli", "__main__"}),
)
PURE = {"model": {"errors"}, "checkers": {"model", "errors", "checkers"}}

# What may be used in one place only, and where.
HOMES = {
    "time.sleep": {"polling.py"},
    "subprocess": {"command.py"},
    "print": {"cli.py", "report", "runtime_shim.py"},
}


def _modules() -> list[Path]:
    return sorted(HARNESS.rglob("*.py"))


def _top(path: Path) -> str:
    return path.relative_to(HARNESS).parts[0].removesuffix(".py")


def _row(name: str) -> int:
    for number, row in enumerate(ROWS):
        if name in row:
            return number
    raise AssertionError(
        f"harness/{name}: not in the house plan. Remedy: give it a row in tests/test_house.py"
    )


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    """A module imports only from its own row of the house or from rows below."""
    top = _top(path)
    if top == "__init__":
        return
    row = _row(top)
    problems = []
    for line, name in _imports(ast.parse(path.read_text())):
        parts = name.split(".")
        if parts[0] != "harness" or len(parts) < 2:
            continue
        is_module = (HARNESS / parts[1]).exists() or (HARNESS / f"{parts[1]}.py").exists()
        if not is_module:
            continue
        target = parts[1]
        if _row(target) > row:
            problems.append(f"{path}:{line}: imports harness.{target}, which stands higher")
        if top in PURE and target not in PURE[top] | {top}:
            problems.append(f"{path}:{line}: {top} is pure, but imports harness.{target}")

    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_and_modules_stay_small(path: Path) -> None:
    """A function has at most 70 lines and a module at most 420."""
    text = path.read_text()
    problems = []
    if text.count("\n") > MODULE_LINES_MAX:
        problems.append(f"{path}: {text.count(chr(10))} lines. Remedy: split it by noun")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                problems.append(f"{path}:{node.lineno}: {node.name} has {lines} lines")

    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_waiting_processes_and_printing_have_one_home(path: Path) -> None:
    """Sleeping, starting processes and printing happen only in their homes."""
    relative = path.relative_to(HARNESS)
    problems = []
    for node in ast.walk(ast.parse(path.read_text())):
        used = _use(node)
        if used is None:
            continue
        allowed = HOMES[used]
        if relative.name not in allowed and relative.parts[0] not in allowed:
            problems.append(f"{path}:{node.lineno}: {used} belongs in {', '.join(allowed)}")

    assert not problems, "\n".join(problems)


def _use(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "print":
            return "print"
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "time.sleep":
            return "time.sleep"
    if isinstance(node, ast.Import) and any(a.name == "subprocess" for a in node.names):
        return "subprocess"
    return None


def test_no_leftover_markers() -> None:
    """No file of the project carries a marker of unfinished work."""
    markers = ("FIX" + "ME", "TO" + "DO", "X" + "XX")
    problems = []
    for path in sorted(ROOT.rglob("*.py")):
        if any(part.startswith(".") for part in path.relative_to(ROOT).parts):
            continue
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if any(marker in line for marker in markers):
                problems.append(f"{path}:{number}: {line.strip()}")

    assert not problems, "\n".join(problems)


def test_every_dependency_says_why() -> None:
    """Each dependency in pyproject.toml has its reason in a comment on its line."""
    problems = []
    for number, line in enumerate((ROOT / "pyproject.toml").read_text().splitlines(), start=1):
        entry = line.strip()
        if (
            entry.startswith('"')
            and ">=" in entry
            and "#" not in entry
            and "setuptools" not in entry
        ):
            problems.append(f"pyproject.toml:{number}: {entry}")

    assert not problems, "\n".join(problems)
