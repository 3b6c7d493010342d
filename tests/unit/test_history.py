"""Reading and writing history files."""

from __future__ import annotations

import re

import pytest

from harness.model.history import (
    Attempt,
    Fault,
    FinalRead,
    Header,
    HistoryInvalid,
    Observation,
    Operation,
    Outcome,
    Phase,
    Record,
    header_line,
    parse,
    parse_line,
    to_line,
)

HEADER = header_line(Header("a-claim", 0.1))
RECORDS: list[Record] = [
    Operation(1.5, "sql-0", "insert", "sql-0-1", Outcome.INVOKED),
    Operation(1.6, "sql-0", "insert", "sql-0-1", Outcome.FAILED, 'refused: "überlast"'),
    Fault(2.0, "drain", Phase.PROVEN, {"effect_at": 1.9, "nodes": ["a"]}),
    Observation(2.5, "hpa", {"desired": 5, "cpu_percent": None}),
    Observation(2.6, "ready_backends", 5),
    FinalRead(3.0, "read_all", Outcome.OK, ("sql-0-1", "sql-0-2")),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: type(r).__name__)
def test_a_line_reads_back_as_the_record_that_was_written(record: Record) -> None:
    """``parse_line`` and ``to_line`` are inverse."""
    assert record == parse_line(to_line(record), 2)


@pytest.mark.parametrize("count", [1, 3, 400])
def test_a_file_reads_back_whatever_its_length(count: int) -> None:
    """Batches of lines give the same records as single lines."""
    records = RECORDS * count
    history = parse([HEADER, *map(to_line, records)])

    assert sorted(records, key=lambda r: r.at) == list(history.records)
    assert history.header == Header("a-claim", 0.1)


def test_records_are_put_in_time_order() -> None:
    """Threads write a little out of order; readers see one order."""
    history = parse([HEADER, *map(to_line, reversed(RECORDS))])

    assert list(history.records) == RECORDS


def test_a_torn_last_line_is_dropped_and_the_rest_is_kept() -> None:
    """A recorder that was killed loses its last line only."""
    lines = [to_line(record) for record in RECORDS]
    history = parse([HEADER + "\n", *(line + "\n" for line in lines), lines[0][:40]])

    assert list(history.records) == RECORDS


def test_blank_lines_are_nothing() -> None:
    """They neither count as records nor as a torn tail."""
    assert len(parse([HEADER, "\n", to_line(RECORDS[0]), "  \n"]).records) == 1


GOOD = to_line(RECORDS[0])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{nonsense}", "line 3: expected a JSON object"),
        ("[1, 2]", "line 3: expected a JSON object, got list"),
        ('{"at": NaN, "probe": "x", "value": 1}', "line 3: expected a finite number, got NaN"),
        ('{"at": 1e999, "probe": "x", "value": 1}', "line 3: field 'at': expected seconds"),
        ('{"at": "1", "probe": "x", "value": 1}', "line 3: field 'at': expected seconds, got '1'"),
        ('{"at": true, "probe": "x", "value": 1}', "line 3: field 'at': expected seconds"),
        ('{"probe": "x", "value": 1}', "line 3: field 'at' is missing"),
        ('{"at": 1.0, "probe": "x"}', "line 3: field 'value' is missing"),
        ('{"at": 1.0, "probe": 7, "value": 1}', "line 3: field 'probe': expected text, got 7"),
        ('{"at": 1.0, "op": "x", "id": "1", "outcome": "ok"}', "field 'client' is missing"),
        (
            '{"at": 1.0, "client": "c", "op": "x", "id": "1", "outcome": "fine"}',
            "line 3: field 'outcome': expected one of invoked, ok, failed, indeterminate, "
            "got 'fine'",
        ),
        (
            '{"at": 1.0, "client": "c", "op": "x", "id": 1, "outcome": "ok"}',
            "line 3: field 'id': expected text, got 1",
        ),
        (
            '{"at": 1.0, "fault": "x", "phase": "begun"}',
            "line 3: field 'phase': expected one of injected, proven, healed, got 'begun'",
        ),
        (
            '{"at": 1.0, "fault": "x", "phase": "healed", "evidence": [1]}',
            "line 3: field 'evidence': expected an object",
        ),
        (
            '{"at": 1.0, "op": "read_all", "outcome": "ok", "ids": "abc"}',
            "line 3: field 'ids': expected a list of identifiers",
        ),
        (f"{GOOD}, {GOOD}", "line 3: expected a JSON object"),
        (GOOD[:30], "line 3: expected a JSON object"),
    ],
)
def test_a_bad_line_is_named_with_field_expected_and_got(line: str, message: str) -> None:
    """Alone or among thousands of good lines, and never taken for a torn tail."""
    for after in (1, 1200):
        with pytest.raises(HistoryInvalid, match=re.escape(message)):
            parse([HEADER, GOOD, line, *[GOOD] * after])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "line 1: expected a history header, got an empty file"),
        (['{"history": 2}'], "line 1: field 'history': expected 1, got 2"),
        (['{"history": 1, "spacing_seconds": 1}'], "field 'claim': expected a claim id, got None"),
        (['{"history": 1, "claim": "c"}'], "field 'spacing_seconds': expected a number >= 0"),
        (["[]"], "line 1: expected a JSON object, got list"),
        ([GOOD], "line 1: field 'history': expected 1, got None"),
    ],
)
def test_a_bad_header_is_named(lines: list[str], message: str) -> None:
    """Without its header a file is no history."""
    with pytest.raises(HistoryInvalid, match=re.escape(message)):
        parse(lines)


def test_views_of_a_history() -> None:
    """Operations, faults, observations by probe, and the last good final read."""
    failed = FinalRead(4.0, "read_all", Outcome.FAILED, ())
    history = parse([HEADER, *map(to_line, [*RECORDS, failed])])

    assert list(history.operations) == RECORDS[:2]
    assert list(history.faults) == [RECORDS[2]]
    assert list(history.observations("hpa")) == [RECORDS[3]]
    assert history.observations("nothing") == ()
    assert history.final_read == RECORDS[5]


def test_operations_are_paired_in_the_order_in_which_they_ended() -> None:
    """What never ended is indeterminate and ended with the last operation record."""
    steps = [
        (1.0, "a", Outcome.INVOKED),
        (1.1, "b", Outcome.INVOKED),
        (1.2, "c", Outcome.INVOKED),
        (1.3, "b", Outcome.OK),
        (1.9, "a", Outcome.FAILED),
    ]
    lines = [to_line(Operation(at, "sql-0", "insert", id, outcome)) for at, id, outcome in steps]
    history = parse([HEADER, *lines])

    assert list(history.attempts) == [
        Attempt(1.1, 1.3, True, Outcome.OK, "sql-0", "b"),
        Attempt(1.0, 1.9, False, Outcome.FAILED, "sql-0", "a"),
        Attempt(1.2, 1.9, False, Outcome.INDETERMINATE, "sql-0", "c"),
    ]
