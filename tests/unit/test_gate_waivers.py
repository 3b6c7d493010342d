"""Waivers: what is read, and every way in which one is refused, with file and line."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from harness.documents import load_claims
from harness.gate import waivers
from harness.stack.folders import EXPERIMENTS, REPOSITORY
from tests.unit.gate_sample import FLOOR, ROWS, TIME, TODAY, waiver, waivers_text

SHIPPED = REPOSITORY / waivers.WAIVERS_FILE


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "waivers.yaml"
    path.write_text(text)
    return path


def read(path: Path) -> tuple[tuple[waivers.Waiver, ...], list[str]]:
    problems: list[str] = []
    return waivers.read(path, problems), problems


def test_a_waiver_is_read_with_its_place(tmp_path: Path) -> None:
    """Every field arrives, and the place is the line where the waiver begins."""
    path = write(tmp_path, waivers_text(waiver(FLOOR), waiver(TIME)))
    found, problems = read(path)

    assert not problems
    assert found == (waiver(FLOOR), waiver(TIME))
    assert [f"{path}:2", f"{path}:7"] == [each.place for each in found]


@pytest.mark.parametrize(
    "text", ["waivers: []\n", "waivers:\n", "", "# nothing\n", "waivers:\n# - claim: x\n"]
)
def test_a_file_without_waivers_is_valid(tmp_path: Path, text: str) -> None:
    """Empty, commented out, or an empty list: no waiver and no problem."""
    assert read(write(tmp_path, text)) == ((), [])


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    """A gate that looks in the wrong place does not go on without waivers."""
    _, problems = read(tmp_path / "waivers.yaml")

    assert len(problems) == 1
    assert "waivers.yaml:1" in problems[0]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Each malformed waiver is named with its line; the good one is still read."""
    text = f"""\
waivers:
  - claim: {FLOOR}
    reason: r
    owner: o
    expires: 2026-13-01
    compensating_measure: m
  - claim: {TIME}
    reason: ""
    expires: soon
    compensating_measure: m
    approved: yes
  - just text
{waivers_text(waiver(ROWS)).split(":", 1)[1].lstrip(chr(10))}"""
    path = write(tmp_path, text)
    found, problems = read(path)

    assert [each.claim for each in found] == [ROWS]
    expected = [
        ":5: field 'waivers[0].expires': expected a day such as 2026-12-31, got '2026-13-01'",
        ":11: field 'waivers[1].approved': expected one of",
        ":7: field 'waivers[1].owner': expected a value, got nothing: it is missing",
        ":8: field 'waivers[1].reason': expected text",
        ":9: field 'waivers[1].expires': expected a day such as 2026-12-31, got 'soon'",
        ":12: field 'waivers[2]': expected a mapping",
    ]
    assert len(problems) == len(expected)
    for start in expected:
        assert any(each.startswith(f"{path}{start}") for each in problems), (start, problems)


@pytest.mark.parametrize(
    "day", ["20261231", "2026-W53-1", "2026-12-31T00:00:00", "tomorrow", "[]", "2026-02-30", "''"]
)
def test_a_day_has_one_form(tmp_path: Path, day: str) -> None:
    """Only YYYY-MM-DD: what people and programs could read in two ways is refused."""
    text = waivers_text(waiver(FLOOR)).replace(str(TODAY), day)
    found, problems = read(write(tmp_path, text))

    assert found == ()
    assert any("waivers[0].expires" in each for each in problems)


def test_two_waivers_for_one_claim_are_a_problem(tmp_path: Path) -> None:
    """Else the later one could outlive the one that was agreed on."""
    path = write(tmp_path, waivers_text(waiver(FLOOR), waiver(FLOOR, date(2030, 1, 1))))
    found, problems = read(path)

    assert found == (waiver(FLOOR),)
    assert len(problems) == 1
    assert f"as {path}:2" in problems[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (waiver(FLOOR, TODAY), []),
        (waiver(FLOOR, TODAY + timedelta(days=1)), []),
        (waiver(FLOOR, TODAY - timedelta(days=1)), ["expired"]),
        (waiver(TIME), ["not used"]),
        (waiver("no-such-claim"), ["not there"]),
        (waiver(TIME, TODAY - timedelta(days=1)), ["not used", "expired"]),
        (waiver("no-such-claim", TODAY - timedelta(days=1)), ["not there", "expired"]),
    ],
)
def test_misuse_is_named(given: waivers.Waiver, words: list[str]) -> None:
    """The last day still counts; expired, unused and unknown are errors with file and line."""
    problems = waivers.misused([given], known={FLOOR, TIME}, unsupported={FLOOR}, today=TODAY)

    assert len(problems) == len(words)
    for problem, word in zip(problems, words, strict=True):
        assert word in problem
        assert problem.startswith("gate/waivers.yaml:3: ")


def test_the_shipped_file_is_valid_and_empty() -> None:
    """The project itself waives nothing."""
    assert read(SHIPPED) == ((), [])


def test_the_shipped_example_is_a_valid_waiver(tmp_path: Path) -> None:
    """What the comment shows can be used as it stands, for a claim that exists."""
    text = SHIPPED.read_text()
    example = text[text.index("# waivers:") : text.index("\nwaivers: []")]
    found, problems = read(write(tmp_path, re.sub(r"(?m)^# ", "", example)))

    assert not problems
    assert len(found) == 1
    assert found[0].claim in {claim.id for claim in load_claims(EXPERIMENTS / "claims.yaml")}
