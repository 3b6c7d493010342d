"""The list of corrections: well-formed rows, unique ids in order, places that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "fixtures" / "document"

HEADS = {
    "| id | seen statically | what | where in the document | why | evidence | claim |": 7,
    "| id | seen statically | what | where in the document | result |": 5,
}
IDENTITY = re.compile(r"[KTMVP]-\d{2}")


def problems(text: str) -> list[str]:
    """Return what is malformed in the tables of corrections, each with its line."""
    found: list[str] = []
    seen: set[str] = set()
    columns = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("|"):
            columns = 0
            continue
        if line.startswith("| id"):
            columns = HEADS.get(line, 0)
            if not columns:
                found.append(f"line {number}: head {line!r} is none of {list(HEADS)}")
            continue
        if not columns or set(line) <= set("|- "):
            continue
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        found += [f"line {number}: {problem}" for problem in _row(cells, columns, seen)]
        seen.add(cells[0])
    for prefix in sorted({identity[0] for identity in seen}):
        numbers = sorted(int(i[2:]) for i in seen if i[0] == prefix)
        if numbers != list(range(1, len(numbers) + 1)):
            found.append(f"ids {prefix}-: {numbers}, expected 1 to {len(numbers)} without a gap")
    if not seen:
        found.append("no rows at all")
    return found


def _row(cells: list[str], columns: int, seen: set[str]) -> list[str]:
    """Return what is malformed in one row of a table with that many columns."""
    found = []
    if len(cells) != columns:
        found.append(f"expected {columns} columns, got {len(cells)}")
    if not IDENTITY.fullmatch(cells[0]):
        found.append(f"id {cells[0]!r}, expected K-, T-, M-, V- or P-nn")
    if cells[0] in seen:
        found.append(f"id {cells[0]} is there already")
    if len(cells) > 1 and cells[1] not in {"yes", "no"}:
        found.append(f"seen statically {cells[1]!r}, expected yes or no")
    if "" in cells:
        found.append(f"column {cells.index('') + 1} is empty")
    return found


@pytest.fixture(scope="module")
def corrections() -> str:
    return (ROOT / "infra" / "CORRECTIONS.md").read_text(encoding="utf-8")


def test_rows_are_well_formed(corrections: str) -> None:
    assert problems(corrections) == []


def test_places_are_lines_of_the_document(corrections: str) -> None:
    """`rds.tf:105` is a line that the committed file of that name has."""
    lengths = {
        path.name: path.read_text(encoding="utf-8").count("\n")
        for path in DOCUMENT.rglob("*")
        if path.is_file()
    }
    places = re.findall(r"\b([a-z][a-z-]*\.(?:tf|yaml|sh)):(\d+)", corrections)

    assert len(places) > 100
    assert [
        f"{name}:{line}" for name, line in places if not 0 < int(line) <= lengths.get(name, 0)
    ] == []


def test_the_counts_of_the_introduction_are_true(corrections: str) -> None:
    """The numbers that the page begins with are those of its tables."""
    rows = [line for line in corrections.splitlines() if re.match(r"\| [KTMVP]-\d\d \|", line)]
    corrected = [line for line in rows if line.count(" | ") == 6]
    seen = [line for line in corrected if line.split(" | ")[1] == "yes"]

    assert f"\n{len(corrected)} defects; {len(seen)} of them" in corrections
    assert f"{len(rows) - len(corrected)} more places were looked at" in corrections


ROW = "| K-01 | yes | a | b | c | d | e |"
HEAD = next(iter(HEADS)) + "\n|---|---|---|---|---|---|---|\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + ROW.replace(" | e", ""), "expected 7 columns, got 6"),
        (HEAD + ROW.replace("yes", "maybe"), "'maybe', expected yes or no"),
        (HEAD + ROW + "\n" + ROW, "id K-01 is there already"),
        (HEAD + ROW.replace("K-01", "K-1"), "expected K-, T-, M-, V- or P-nn"),
        (HEAD + ROW.replace("K-01", "K-02"), "without a gap"),
        (HEAD + ROW.replace("| c ", "|  "), "column 5 is empty"),
        ("| id | what |\n", "is none of"),
        ("", "no rows at all"),
    ],
)
def test_malformed_tables_are_noticed(text: str, message: str) -> None:
    """The checks of this file can fail."""
    assert any(message in problem for problem in problems(text)), problems(text)


def test_a_correct_table_has_no_problems() -> None:
    assert problems(HEAD + ROW) == []
