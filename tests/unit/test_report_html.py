"""The page is made from stored results, complete, escaped, and never silent about a gap."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from harness.errors import InputInvalid
from harness.report.html import evidence_link, write_report
from harness.report.stored import read_run
from tests.unit.report_sample import CASES, write_results

ELEMENTS_MAX = 2000


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return write_results(tmp_path)


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def page_of(run_dir: Path) -> str:
    return write_report(run_dir).read_text(encoding="utf-8")


def drawings(page: str) -> list[str]:
    return re.findall(r"<svg .*?</svg>", page, re.DOTALL)


def test_sections_in_order(run_dir: Path) -> None:
    """Verdict first, then claims, timelines, differences, what was not tested, facts."""
    page = page_of(run_dir)

    ids = ["<h1>", 'id="claims"', 'id="timelines"', 'id="differences"', 'id="untested"']
    places = [page.index(each) for each in [*ids, 'id="facts"']]
    assert sorted(places) == places


def test_every_claim_has_its_numbers(run_dir: Path) -> None:
    """Sentence, place, bound, measured with error and unit, and documented figure are there."""
    page = page_of(run_dir)

    for claim, _, _ in CASES:
        assert f'id="claim-{claim.id}"' in page
        assert claim.place in page
    for text in ("&lt; 60 s", "21.80 ± 0.12 s", "worst of 3 trials, median 20.1 s", "60 to 120 s"):
        assert text in page


def test_page_asks_for_nothing(run_dir: Path) -> None:
    """No script, style sheet, image or font comes from elsewhere."""
    page = page_of(run_dir)

    assert not re.search(r"<script|<link(?! rel=\"icon\" href=\"data:,\")|@import|url\(|<img", page)
    assert sorted(set(re.findall(r"https?://[^\"' <]+", page))) == ["http://www.w3.org/2000/svg"]


def test_drawings_are_small_and_accessible(run_dir: Path) -> None:
    """Each picture is well-formed, has title and description, and few elements."""
    found = drawings(page_of(run_dir))

    assert found
    for drawing in found:
        root = ET.fromstring(drawing)
        names = [child.tag.rpartition("}")[2] for child in root]
        assert names[:2] == ["title", "desc"]
        assert len(list(root.iter())) <= ELEMENTS_MAX


def test_one_history_for_several_claims_is_drawn_once(run_dir: Path) -> None:
    """Two claims that share an experiment's trials share their pictures."""
    page = page_of(run_dir)

    assert page.count("<h3>Experiment database-container-kill</h3>") == 1
    assert len(re.findall(r"<h4>Trial \d</h4>\s*<ul[^>]*>\s*<li>\s*\S.*?database-fail", page)) == 3


def test_measured_interval_is_shaded(run_dir: Path) -> None:
    """The recovery time is shaded from the fault's effect on and labelled with its value."""
    page = page_of(run_dir)

    assert 'class="shade"' in page
    assert "database-failover-time: 21.80 ± 0.12 s</text>" in page


def test_trial_without_history_is_a_visible_panel(run_dir: Path) -> None:
    """A missing history is said where its picture would be, and its link is marked."""
    page = page_of(run_dir)

    assert "No data: inconclusive. No history is stored for pod-kill-failed-requests." in page
    assert "(this file is missing)" in page


def test_history_with_header_only_is_a_visible_panel(run_dir: Path) -> None:
    """A history that ends after its header is no data."""
    path = run_dir / "hpa-scale-up/trial-1/history.jsonl"
    path.write_text(path.read_text().splitlines()[0] + "\n")

    assert "The history holds no record after its header." in page_of(run_dir)


def test_stored_texts_are_escaped(run_dir: Path) -> None:
    """Markup in stored texts and pod names is shown, never interpreted."""
    evil = "</title><script>alert(1)</script>"

    def edit(document: dict[str, Any]) -> None:
        document["claims"][0]["sentence"] = evil
        document["claims"][0]["evidence"] = ["javascript:alert(1)"]

    change(run_dir / "verdict.json", edit)
    path = run_dir / "pdb-ready-minimum/trial-1/history.jsonl"
    path.write_text(path.read_text().replace('"worker-a"', json.dumps(evil)))
    page = page_of(run_dir)

    assert "<script" not in page
    assert 'href="javascript' not in page


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("c/trial-1/history.jsonl", "./c/trial-1/history.jsonl"),
        ("results/run-7/c/x", "./c/x"),
        ("results/run-6/c/x", "./../run-6/c/x"),
        ("/somewhere/results/run-7/c/x", "./c/x"),
        ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
    ],
)
def test_evidence_links_are_relative(path: str, link: str) -> None:
    """Stored paths of any kind become links relative to the report."""
    assert link == evidence_link(Path("/somewhere/results/run-7"), path)


def test_missing_lists_are_said(run_dir: Path) -> None:
    """Without differences, seed or a list of parts that cannot be emulated, the page says so."""
    change(run_dir / "verdict.json", lambda d: d.pop("differences"))

    def edit(document: dict[str, Any]) -> None:
        for name in ("differences", "not_tested", "seed"):
            document.pop(name)

    change(run_dir / "run.json", edit)
    page = page_of(run_dir)

    assert "No list of differences is stored" in page
    assert "<strong>List of such parts</strong>: not stored in run.json" in page
    assert re.search(r"<dt>Seed</dt><dd>.*not stored in run.json", page)


def test_run_without_claims_is_no_pass(run_dir: Path) -> None:
    """A run that judged nothing says that this is no pass."""

    def edit(document: dict[str, Any]) -> None:
        document["claims"] = []
        document["verdict"] = "inconclusive"

    change(run_dir / "verdict.json", edit)

    assert "No claim was judged in this run, and no data is never a pass." in page_of(run_dir)


@pytest.mark.parametrize("name", ["run.json", "verdict.json"])
def test_missing_file(run_dir: Path, name: str) -> None:
    """A missing file is one error that names it and the next step."""
    (run_dir / name).unlink()

    with pytest.raises(InputInvalid, match=rf"{name}: expected this file .* results/latest"):
        write_report(run_dir)


def test_broken_json_names_the_line(run_dir: Path) -> None:
    """Broken JSON is reported with line and column."""
    path = run_dir / "verdict.json"
    path.write_text('{\n "run": "x",\n "claims": [,]\n}')

    with pytest.raises(InputInvalid, match=r"verdict\.json: line 3, column 13: expected JSON"):
        read_run(run_dir)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda d: d.update(verdict="good"), "field 'verdict': expected one of supported, "),
        (lambda d: d.pop("claims"), "field 'claims': expected a list of objects, got nothing"),
        (lambda d: d["claims"][1].pop("id"), r"field 'claims\[1\]\.id': expected a text"),
        (
            lambda d: d["claims"][0]["bound"].update(value="60"),
            r"field 'claims\[0\]\.bound\.value': expected a finite number, got '60'",
        ),
        (
            lambda d: d["claims"][0]["measured"]["trials"][1].update(verdict=None),
            r"field 'claims\[0\]\.measured\.trials\[1\]\.verdict': expected one of",
        ),
        (lambda d: d["claims"][0].update(id="../up"), "expected a claim id without path"),
        (lambda d: d["claims"][0].update(id=d["claims"][1]["id"]), "expected each id once"),
    ],
    ids=["verdict", "claims", "id", "bound", "trial", "path", "repeated"],
)
def test_malformed_field_is_named(run_dir: Path, edit: Callable[..., object], problem: str) -> None:
    """A malformed field is named with its path, what was expected and what was got."""
    change(run_dir / "verdict.json", edit)

    with pytest.raises(InputInvalid, match=problem):
        read_run(run_dir)


def test_all_problems_at_once(run_dir: Path) -> None:
    """Problems of both files come in one error."""
    change(run_dir / "verdict.json", lambda d: d.update(run=7, verdict="good"))
    change(run_dir / "run.json", lambda d: d.update(stand_ins="backend"))

    with pytest.raises(InputInvalid) as caught:
        read_run(run_dir)

    assert len(caught.value.problems) == 3


def test_malformed_history_names_file_and_line(run_dir: Path) -> None:
    """A history that cannot be read is an error with file and line, and no page is left."""
    path = run_dir / "hpa-scale-up/trial-1/history.jsonl"
    lines = path.read_text().splitlines()
    lines[3] = '{"at": "noon", "probe": "hpa", "value": 1}'
    path.write_text("\n".join(lines) + "\n")

    with pytest.raises(InputInvalid, match=r"hpa-scale-up/trial-1/history\.jsonl: line 4"):
        write_report(run_dir)
    assert not (run_dir / "report.html").exists()
