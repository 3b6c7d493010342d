"""The document's own code is committed as it stands, and the script that takes it out."""

from __future__ import annotations

import hashlib
import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "fixtures" / "extract_document.py"
DOCUMENT = ROOT / "fixtures" / "document"

SAMPLE = """\
# A document

```text
# not/a/path comment because of the words
```

```hcl
# infrastructure/main.tf
locals {}
```

```yaml
# kubernetes/a.yaml
kind: A

---
# kubernetes/b.yaml
kind: B
---
kind: C
```

```bash
#!/bin/bash
# scripts/run.sh
true
```
"""


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.md"
    path.write_text(SAMPLE)
    return path


def committed() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DOCUMENT / "manifest.json").read_text())
    return content


def test_committed_files_are_those_of_the_manifest() -> None:
    """Nobody edits the document's code: every file has its digest, none is missing or added."""
    listed = {entry["path"]: entry["sha256"] for entry in committed()["files"]}
    there = {
        str(path.relative_to(DOCUMENT)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in DOCUMENT.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }

    assert listed == there
    assert len(listed) == 20


def test_committed_files_are_as_long_as_their_place_in_the_document() -> None:
    """Line N of a file is line first_line + N - 1 of the document."""
    for entry in committed()["files"]:
        lines = (DOCUMENT / entry["path"]).read_text().count("\n")

        assert lines == entry["last_line"] - entry["first_line"] + 1, entry["path"]


def test_blocks_become_files_with_honest_line_numbers(sample: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"

    done = run(sample, "--target", target)

    assert done.returncode == 0, done.stdout + done.stderr
    entries = json.loads((target / "manifest.json").read_text())["files"]
    document = SAMPLE.split("\n")
    assert [entry["path"] for entry in entries] == [
        "infrastructure/main.tf",
        "kubernetes/a.yaml",
        "kubernetes/b.yaml",
        "scripts/run.sh",
    ]
    for entry in entries:
        lines = (target / entry["path"]).read_text().splitlines()
        assert lines == document[entry["first_line"] - 1 : entry["last_line"]]
    assert (target / "kubernetes/a.yaml").read_text() == "# kubernetes/a.yaml\nkind: A\n"
    assert "kind: C" in (target / "kubernetes/b.yaml").read_text()
    assert (target / "scripts/run.sh").read_text().startswith("#!/bin/bash\n# scripts/run.sh\n")


def test_check_names_every_difference(sample: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    run(sample, "--target", target)
    assert run(sample, "--target", target, "--check").returncode == 0

    (target / "infrastructure/main.tf").write_text("locals { }\n")
    (target / "kubernetes/a.yaml").unlink()
    (target / "extra.tf").write_text("")
    done = run(sample, "--target", target, "--check")

    assert done.returncode == 1
    assert "infrastructure/main.tf: differs" in done.stdout
    assert "kubernetes/a.yaml: missing" in done.stdout
    assert "extra.tf: not in the document" in done.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no code here\n", "got none"),
        ("```hcl\n# a path: not one\n```\n", "got none"),
        ("```hcl\n# a/b.tf\n", "line 1: a code block is opened and never closed"),
        ("```\n# a/b.tf\n```\n```\n# a/b.tf\n```\n", "line 5: a/b.tf stands at line 2 already"),
        ("```\n# ../../etc/a.tf\n```\n", "got none"),
    ],
)
def test_a_document_that_cannot_be_taken_apart_is_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    document = tmp_path / "document.md"
    document.write_text(text)

    done = run(document, "--target", tmp_path / "out")

    assert done.returncode == 64
    assert message in done.stdout
    assert not (tmp_path / "out").exists()


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text("```\n# a/b.tf\n```\n```\n# a/b.tf\n```\n```\n")

    done = run(document, "--target", tmp_path / "out")

    assert "never closed" in done.stdout
    assert "stands at line" in done.stdout


def test_a_missing_document_is_told_without_a_traceback(tmp_path: Path) -> None:
    done = run(tmp_path / "nowhere.md")

    assert done.returncode == 64
    assert "cannot be read" in done.stdout
    assert "Traceback" not in done.stderr


def test_extracting_twice_gives_the_same(sample: Path) -> None:
    extract = runpy.run_path(str(SCRIPT))["extract"]

    assert extract(SAMPLE) == extract(sample.read_text())
