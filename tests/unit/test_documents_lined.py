"""YAML is read with lines; hostile and malformed text is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.documents import lined
from harness.documents.lined import read_file, read_text


def test_values_and_lines() -> None:
    """Keys stay as written, merge keys are filled in, fields have their line."""
    problems: list[str] = []
    text = "base: &b {x: 1}\non: push\nitem:\n  <<: *b\n  list:\n    - a\n    - y: 2\n"
    document = read_text(text, "f", problems)[0]

    assert problems == []
    assert document.value["on"] == "push"
    assert document.value["item"] == {"x": 1, "list": ["a", {"y": 2}]}
    assert document.locate(("item", "list", 1, "y")) == 7
    assert document.locate(("item", "absent")) is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\na: 2\n", 2, "each key once"),
        ("a: {b: 1\n", 2, "valid YAML"),
        ("a: &x [*x]\n", 1, "anchor inside itself"),
        ("a: 2026-99-99\n", 1, "plain value"),
        ("a: !!python/object:os.system {}\n", 1, "valid YAML"),
        ("[" * 5000 + "]" * 5000, 1, "valid YAML"),
    ],
)
def test_malformed_text_is_named_with_line(text: str, line: int, words: str) -> None:
    """Duplicate keys, unclosed brackets, recursion, wrong dates, foreign tags, deep nesting."""
    problems: list[str] = []
    found = read_text(text, "file.yaml", problems)

    if "python/object" in text:
        # A foreign tag on a mapping is read as the mapping; nothing is ever built from it.
        assert found[0].value == {"a": {}}
        return
    assert found == []
    assert problems[0].startswith(f"file.yaml:{line}: ")
    assert words in problems[0]


def test_alias_bombs_are_refused() -> None:
    """A few lines that become billions of values are refused before anything walks them."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for n in range(1, 9):
        lines.append(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]")
    problems: list[str] = []

    assert read_text("\n".join(lines), "bomb.yaml", problems) == []
    assert "once aliases are filled in" in problems[0]


def test_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file above the limit is not read at all."""
    monkeypatch.setattr(lined, "BYTES_MAX", 1024**2)
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(50 * 1024**2)
    problems: list[str] = []

    assert read_file(path, problems) == []
    assert "50.0 MiB" in problems[0]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A missing file and one that is no UTF-8 are problems."""
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9\n")
    problems: list[str] = []
    read_file(tmp_path / "absent.yaml", problems)
    read_file(tmp_path / "latin.yaml", problems)

    assert len(problems) == 2
    assert "UTF-8" in problems[1]
