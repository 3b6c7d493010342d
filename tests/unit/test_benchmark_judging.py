"""The judging benchmark finds what it planted; its limits are measured by running it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.judging import judge, write_history


def test_the_planted_outage_and_losses_are_found(tmp_path: Path) -> None:
    """Recovery and unavailability within the bound, three lost writes refuted."""
    write_history(tmp_path / "history.jsonl", 5000)
    result = judge(tmp_path / "history.jsonl")

    assert result["within_limits"]
    assert result["records"] == 10_003
    assert result["verdicts"] == {
        "recovery_time": "supported",
        "unavailability": "supported",
        "acknowledged_lost": "refuted",
    }
