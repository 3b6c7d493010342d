"""Terminal tables, Markdown and JUnit XML say the same as the page."""

from __future__ import annotations

import io
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from harness.model.finding import Measurement
from harness.report import junit, markdown, tables, wording
from harness.report.stored import StoredRun, read_run
from tests.unit.report_sample import CASES, write_results


@pytest.fixture
def run(tmp_path: Path) -> StoredRun:
    return read_run(write_results(tmp_path))


def written(run: StoredRun) -> str:
    stream = io.StringIO()
    tables.show(run, Console(file=stream, width=tables.PIPED_WIDTH))
    return stream.getvalue()


def test_tables_fit_into_a_pipe(run: StoredRun) -> None:
    """At 100 columns and without a terminal there is no colour code and no cut line."""
    text = written(run)

    assert "\x1b" not in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= tables.PIPED_WIDTH
    assert "…" not in text


@pytest.mark.parametrize(
    "part",
    ["21.80 ± 0.12 s", "60 to 120 s", "stand-in", "× refuted", "? inconclusive", "✓ supported"],
)
def test_final_table_has_every_column(run: StoredRun, part: str) -> None:
    """Measured with error, documented, fidelity and verdict words are in the final table."""
    assert part in written(run)


def test_tables_give_reasons_sabotages_and_differences(run: StoredRun) -> None:
    """Reasons of what is not supported, sabotages and the number of differences are shown."""
    text = " ".join(written(run).split())

    assert "The fault was not proven" in text
    assert "no-graceful-stop" in text
    assert "Differences from production: 3, weakening 2 of 9 claims" in text
    assert "9 claims: 3 refuted, 2 inconclusive, 4 supported" in text


def test_as_text_for_a_pipe(run: StoredRun) -> None:
    """The text for the command line has no colour codes when output is piped."""
    assert "\x1b" not in tables.as_text(run)


def test_junit_has_one_case_for_each_claim(run: StoredRun) -> None:
    """Refuted is a failure, inconclusive an error, supported a pass."""
    root = ET.fromstring(junit.render(run))
    results = {
        case.get("name"): next((child.tag for child in case), None)
        for case in root.iter("testcase")
    }

    assert len(CASES) == len(results)
    assert results["database-failover-time"] == "failure"
    assert results["pod-kill-failed-requests"] == "error"
    assert results["hpa-scale-up"] == "system-out"
    assert tuple(root.get(n) for n in ("tests", "failures", "errors")) == ("9", "3", "2")


def test_junit_without_claims_is_an_error(tmp_path: Path) -> None:
    """A run without claims is not shown as an empty, passing suite."""
    run_dir = write_results(tmp_path)
    document = {"run": "r", "verdict": "inconclusive", "claims": []}
    (run_dir / "verdict.json").write_text(json.dumps(document))

    assert "<error" in junit.write(run_dir).read_text()


def test_junit_replaces_what_xml_forbids(tmp_path: Path) -> None:
    """Terminal codes in a reason do not make the file unreadable."""
    run_dir = write_results(tmp_path)
    document = json.loads((run_dir / "verdict.json").read_text())
    document["claims"][0]["reason"] = "\x1b[31mred\x00"
    (run_dir / "verdict.json").write_text(json.dumps(document))

    assert ET.fromstring(junit.write(run_dir).read_text()) is not None


def test_markdown_escapes_and_lists(tmp_path: Path) -> None:
    """Markdown has the table and no markup from stored texts."""
    run_dir = write_results(tmp_path)
    document = json.loads((run_dir / "verdict.json").read_text())
    document["claims"][0]["sentence"] = "a | b <img> *c*\nd"
    (run_dir / "verdict.json").write_text(json.dumps(document))

    text = markdown.write(run_dir).read_text()
    assert r"a \| b &lt;img> \*c\* d" in text
    assert "| 21.80 ± 0.12 s, worst of 3 trials, median 20.1 s |" in text
    assert "## Not tested" in text


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        (None, "nothing measured"),
        (Measurement(21.8, "s", 0.12), "21.80 ± 0.12 s"),
        (Measurement(0.0512, "s", 0.0051), "0.051 ± 0.005 s"),
        (Measurement(105, "s", 5), "105.0 ± 5.0 s"),
        (Measurement(3, "pods", 0), "3 ± 0 pods"),
        (Measurement(0.0005, "ratio", 0), "0.05 ± 0 %"),
        (Measurement(1234567, "operations", 0), "1,234,567 ± 0 operations"),
    ],
)
def test_measurements_have_error_and_unit(measured: Measurement | None, text: str) -> None:
    """A measured value is shown with its error, both to the same decimal, and its unit."""
    assert text == wording.measurement(measured)
