"""Pipelines: workflow files and the shell in them, and shell scripts of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.audit.inventory import Inventory
from harness.audit.resource import Domain, NotJudged, Place, Resource, Script
from harness.audit.value import as_list, dig
from harness.documents.lined import Document, read_file

BYTES_MAX = 4 * 1024 * 1024
# What a runner gives a step's shell where the step names none (GitHub's workflow syntax, "shell").
_RUNNER_OPTIONS = "-e"
_RUNNER_BASH_OPTIONS = "-eo pipefail"


def load(where: Path, problems: list[str]) -> Inventory:
    """Return the workflows and scripts of a folder, or of one file."""
    if not where.exists():
        problems.append(f"{where}: expected a folder with workflows or scripts, got none")
        return Inventory()
    files = [where] if where.is_file() else sorted(p for p in where.rglob("*") if p.is_file())
    found = Inventory(given=frozenset({Domain.PIPELINE}))
    before = len(problems)
    for path in files:
        if path.suffix in (".sh", ".bash"):
            found += Inventory(scripts=tuple(_script(path, problems)))
        elif path.suffix in (".yaml", ".yml"):
            for document in read_file(path, problems):
                if isinstance(document.value, dict) and isinstance(
                    document.value.get("jobs"), dict
                ):
                    found += _workflow(document)
                else:
                    place = Place(document.file, document.line)
                    skipped = NotJudged(path.name, "a document without jobs is no workflow", place)
                    found += Inventory(not_judged=(skipped,))
    if not found.scripts and not found.workflows and len(problems) == before:
        problems.append(f"{where}: expected a workflow (with jobs) or a .sh file, got none")
    return found


def _script(path: Path, problems: list[str]) -> Iterator[Script]:
    try:
        if path.stat().st_size > BYTES_MAX:
            problems.append(f"{path}:1: expected a script of at most {BYTES_MAX} bytes")
            return
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path}:1: expected a readable script, got {error}")
        return
    yield Script(name=path.name, text=text, place=Place(str(path), 1))


def _workflow(document: Document) -> Inventory:
    workflow = Resource(
        domain=Domain.PIPELINE,
        kind="@workflow",
        name=str(dig(document.value, "name") or Path(document.file).stem),
        address=f"workflow {Path(document.file).name}",
        values=document.value,
        place=Place(document.file, document.line),
        locate=document.locate,
    )
    return Inventory(workflows=(workflow,), scripts=tuple(_steps(workflow)))


def _steps(workflow: Resource) -> Iterator[Script]:
    jobs = workflow.get("jobs")
    for job, values in jobs.items() if isinstance(jobs, Mapping) else ():
        for index, step in enumerate(as_list(dig(values, "steps"))):
            text = dig(step, "run")
            if not isinstance(text, str):
                continue
            at = workflow.at("jobs", job, "steps", index, "run")
            # The text of a block scalar begins on the line below its key.
            line = at.line + (1 if "\n" in text.strip("\n") or text.endswith("\n") else 0)
            given = {
                name
                for env in (workflow.get("env"), dig(values, "env"), dig(step, "env"))
                for name in (env if isinstance(env, Mapping) else ())
            }
            yield Script(
                name=f"{workflow.name}, job {job}, step {index + 1}",
                text=text,
                place=Place(workflow.place.file, line),
                given=frozenset(map(str, given)),
                options=_options(dig(step, "shell")),
            )


def _options(shell: Any) -> str:
    if shell is None:
        return _RUNNER_OPTIONS
    return _RUNNER_BASH_OPTIONS if shell == "bash" else str(shell)
