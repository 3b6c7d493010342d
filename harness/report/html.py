"""report.html: one self-contained page about a run, made from stored results only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.model.fidelity import Fidelity
from harness.model.verdict import Verdict
from harness.report import wording
from harness.report.pictures import Picture, pictures
from harness.report.stored import StoredClaim, StoredRun, read_run

REPORT_FILE = "report.html"
TRIALS_FOR_TIMES = 5
"""A claim about a time needs at least this many trials before it can be relied on."""

_FACT_LABELS = {
    "run": "Run",
    "lane": "Lane",
    "commit": "Commit",
    "dirty": "Working tree",
    "argv": "Command line",
    "seed": "Seed",
    "started": "Started",
    "finished": "Finished",
    "host": "Host",
    "images": "Images",
}
_FACT_ALIASES = {
    "started_at": "started",
    "finished_at": "finished",
    "ended": "finished",
    "ended_at": "finished",
    "image_digests": "images",
}
_FACTS_NEEDED = ("commit", "dirty", "argv", "seed", "started", "finished", "host", "images")
_NOT_STORED = "not stored in run.json"


def write_report(run_dir: Path) -> Path:
    """Write ``report.html`` into a results folder and return its path.

    Raises InputInvalid naming file, line or field when stored results are missing or malformed;
    a trial without a history becomes a visible panel instead.
    """
    page = render(read_run(run_dir))
    path = run_dir / REPORT_FILE
    # A reader who reloads must never see half a page.
    unfinished = path.with_suffix(".html.part")
    unfinished.write_text(page, encoding="utf-8")
    os.replace(unfinished, path)
    return path


def render(run: StoredRun) -> str:
    """Return the page as text."""
    environment = Environment(
        loader=PackageLoader("harness.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        bound=wording.bound,
        measurement=wording.measurement,
        documented=wording.documented,
        sabotage=wording.sabotage,
        link=lambda path: evidence_link(run.folder, path),
        stored=lambda path: evidence_file(run.folder, path).exists(),
        drawing=_drawing,
    )
    template = environment.get_template("report.html.j2")
    return template.render(
        run=run,
        symbols=wording.SYMBOLS,
        counts=wording.counts(run),
        summary=wording.summary(run),
        meaning=meaning(run),
        fidelity_meanings=wording.FIDELITY_MEANINGS,
        trials=wording.trials,
        breaks=wording.documented_breaks,
        experiments=pictures(run),
        relative=lambda picture: _history_link(run, picture),
        untested=untested(run),
        facts=facts(run),
        Verdict=Verdict,
    )


def meaning(run: StoredRun) -> str:
    """Say in one sentence what the run's verdict means."""
    if not run.claims:
        return "No claim was judged in this run, and no data is never a pass."
    return wording.VERDICT_MEANINGS[run.verdict]


def evidence_file(folder: Path, path: str) -> Path:
    """Return the file that a stored evidence path means.

    Paths are stored relative to the run, relative to the repository (``results/RUN/...``) or
    absolute.
    """
    resolved = folder.resolve()
    parts = Path(path).parts
    if parts[:1] == ("results",) and len(parts) > 1:
        return resolved.parent.joinpath(*parts[1:])
    return resolved / path


def evidence_link(folder: Path, path: str) -> str:
    """Return a link to an evidence file, relative to the report.

    It always begins with a dot, so that no stored text can become another scheme.
    """
    return "./" + quote(os.path.relpath(evidence_file(folder, path), folder.resolve()))


def _history_link(run: StoredRun, picture: Picture) -> str:
    assert picture.history is not None
    return evidence_link(run.folder, str(picture.history.relative_to(run.folder)))


def _drawing(svg: str) -> Markup:
    """Let our own SVG through; ElementTree has escaped every text in it."""
    return Markup(svg)


def untested(run: StoredRun) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return headed lists of (what, why) of everything that this run did not test."""
    groups = [
        ("Cannot be emulated on one machine", [(n.what, n.why) for n in run.not_tested]),
        (
            "Inconclusive claims",
            [(c.id, c.reason) for c in run.claims if c.verdict is Verdict.INCONCLUSIVE],
        ),
        (
            "Claims with only a published figure",
            [
                (c.id, "nothing was measured; the provider's figure was compared with the bound")
                for c in run.claims
                if c.fidelity is Fidelity.DOCUMENTED
            ],
        ),
        ("Checks not proven able to fail in this version", _unproven(run)),
        ("Times measured with too few trials to rely on", _few_trials(run)),
        (
            "Stand-in applications",
            [_split(text) for text in run.stand_ins or wording.STAND_IN_APPLICATIONS],
        ),
    ]
    if not run.not_tested:
        groups[0] = (groups[0][0], [("List of such parts", _NOT_STORED)])
    return [(heading, entries) for heading, entries in groups if entries]


def _unproven(run: StoredRun) -> list[tuple[str, str]]:
    return [
        (c.id, f"sabotage {c.sabotage.what or '(not named)'}: {wording.sabotage(c.sabotage)}")
        for c in run.claims
        if c.sabotage.verdict is not Verdict.REFUTED
    ]


def _few_trials(run: StoredRun) -> list[tuple[str, str]]:
    def few(claim: StoredClaim) -> bool:
        return claim.bound.unit == "s" and 0 < len(claim.trials) < TRIALS_FOR_TIMES

    return [
        (c.id, f"{len(c.trials)} of at least {TRIALS_FOR_TIMES} trials")
        for c in run.claims
        if few(c)
    ]


def _split(text: str) -> tuple[str, str]:
    what, _, why = text.partition(": ")
    return what, why


def facts(run: StoredRun) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the run's facts as (label, rows); a row is (name, value), the name may be empty."""
    stored = {_FACT_ALIASES.get(key, key): value for key, value in run.facts.items()}
    stored.setdefault("run", run.run)
    stored.pop("stand_ins", None)
    for key in _FACTS_NEEDED:
        stored.setdefault(key, _NOT_STORED)
    if isinstance(stored["dirty"], bool):
        stored["dirty"] = (
            "dirty: files differ from the commit" if stored["dirty"] else "clean: as committed"
        )
    order = [*_FACT_LABELS, *(key for key in stored if key not in _FACT_LABELS)]
    return [
        (_FACT_LABELS.get(key, key.replace("_", " ").capitalize()), _fact_rows(key, stored[key]))
        for key in order
        if key in stored
    ]


def _fact_rows(key: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [
            (name.removesuffix("_bytes").replace("_", " "), _fact(name, each))
            for name, each in value.items()
        ]
    return [("", _fact(key, value))]


def _fact(key: str, value: Any) -> str:
    if key.endswith("_bytes") and isinstance(value, int):
        return f"{value / 2**30:.1f} GiB"
    if key == "argv" and isinstance(value, list):
        return " ".join(str(each) for each in value)
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
