"""Small inputs written to a folder and audited by one rule, for tests."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from harness.audit.inventory import Inventory
from harness.audit.judging import RuleResult, judge
from harness.audit.rules import RULES
from harness.audit.sources import Sources, load

TODAY = date(2026, 11, 25)


@dataclass(frozen=True)
class Files:
    """Texts of each domain; an empty one is no input of that domain."""

    terraform: str = ""
    kubernetes: str = ""
    monitoring: str = ""
    script: str = ""
    workflow: str = ""
    also: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Case:
    """What breaks a rule and what keeps it."""

    rule: str
    fails: Files
    passes: Files


def inventory(folder: Path, files: Files) -> Inventory:
    """Write the files below a folder and return what is read from them."""
    written: dict[str, tuple[Path, ...]] = {}
    names = {
        "terraform": ("main.tf", files.terraform),
        "kubernetes": ("objects.yaml", files.kubernetes),
        "monitoring": ("values.yaml", files.monitoring),
        "pipeline": ("run.sh", files.script) if files.script else ("flow.yaml", files.workflow),
    }
    for domain, (name, text) in names.items():
        if text:
            (folder / domain).mkdir()
            (folder / domain / name).write_text(textwrap.dedent(text), encoding="utf-8")
            written[domain] = (folder / domain,)
    return load(Sources(**written), None)


def result(folder: Path, rule: str, files: Files) -> RuleResult:
    """Return what one rule says of the files."""
    chosen = [r for r in RULES if r.id == rule]
    assert len(chosen) == 1, f"{rule}: {len(chosen)} rules of that id"
    return judge(inventory(folder, files), TODAY, chosen).results[0]
