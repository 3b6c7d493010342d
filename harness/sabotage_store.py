"""Keeps what became of each claim under its sabotage, for one version of the code.

The version is a digest of everything that decides how a sabotage ends; a change to any of it
forgets all results. Beside each result stands its evidence, so that it can be judged again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.model.claim import Claim
from harness.model.finding import SabotageResult
from harness.model.verdict import Verdict

# What decides how a sabotage ends: faults, clients, checkers, documents, objects, images.
CODE = (
    "harness/chaos",
    "harness/checkers",
    "harness/clients",
    "harness/model",
    "experiments",
    "infra/kubernetes",
    "infra/images",
    "fixtures/apps",
)
_IGNORED = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True)
class KeptSabotage:
    """A sabotage's result as it was kept, with the history that it was judged from."""

    what: str
    verdict: Verdict
    reason: str
    history: Path


@dataclass(frozen=True)
class SabotageStore:
    """The results for one version of the code, under ``folder``."""

    folder: Path
    digest: str

    @staticmethod
    def of(cache: Path, repository: Path) -> SabotageStore:
        """Return the store of the code as it stands in ``repository``."""
        digest = code_digest(repository)
        return SabotageStore(cache / "sabotage" / digest, digest)

    def keep(self, claim: Claim, result: SabotageResult, history: Path) -> None:
        """Keep a result and a copy of its evidence; an earlier result is replaced."""
        if result.verdict is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        link_or_copy(history, self._history(claim))
        document = {
            "claim": claim.id,
            "sabotage": claim.sabotage,
            "what": result.what,
            "verdict": result.verdict.value,
            "reason": result.reason,
            "digest": self.digest,
        }
        write_json(self.folder / f"{claim.id}.json", document)

    def find(self, claim: Claim) -> KeptSabotage | None:
        """Return what was kept for a claim; None when nothing usable was."""
        try:
            document = json.loads((self.folder / f"{claim.id}.json").read_text(encoding="utf-8"))
            kept = KeptSabotage(
                what=str(document["what"]),
                verdict=Verdict(document["verdict"]),
                reason=str(document["reason"]),
                history=self._history(claim),
            )
        except (OSError, ValueError, KeyError, TypeError):
            # The store is a cache: what cannot be read is as if it had not been kept.
            return None
        return kept if kept.history.is_file() else None

    def proven(self, claim: Claim) -> bool:
        """Say whether the claim's sabotage was refuted by this version of the code."""
        kept = self.find(claim)
        return kept is not None and kept.verdict is Verdict.REFUTED

    def _history(self, claim: Claim) -> Path:
        return self.folder / f"{claim.id}.history.jsonl"


def code_digest(repository: Path) -> str:
    """Return a digest of the names and contents of all files that decide a sabotage's end."""
    total = hashlib.sha256()
    for path in sorted(_files(repository)):
        total.update(path.relative_to(repository).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def _files(repository: Path) -> Iterator[Path]:
    for name in CODE:
        for folder, folders, files in os.walk(repository / name):
            folders[:] = [f for f in folders if f not in _IGNORED and not f.startswith(".")]
            for file in files:
                path = Path(folder) / file
                if path.suffix != ".pyc" and path.is_file():
                    yield path


def link_or_copy(source: Path, target: Path) -> None:
    """Put ``source`` at ``target`` as well; a copy where the file system cannot link."""
    if target.exists() and target.samefile(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    beside.unlink(missing_ok=True)
    try:
        os.link(source, beside)
    except OSError:
        shutil.copyfile(source, beside)
    os.replace(beside, target)


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document at once: readers see the old file or the whole new one."""
    beside = path.with_name(f".{path.name}.new")
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
