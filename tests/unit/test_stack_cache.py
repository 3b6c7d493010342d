"""The cache group's containers and when it counts as whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.stack import cache, credentials, layout
from harness.stack.cache import SentinelView
from harness.stack.context import Context
from harness.stack.folders import Folders
from harness.stack.layout import Layout

FIRST, SECOND = "10.0.1.21", "10.0.2.21"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    folder = tmp_path_factory.mktemp("state")
    return Context(
        engine=None,
        run="unit",
        layout=Layout(),
        folders=Folders(folder),
        credentials=credentials.ensure(folder, Layout()),
        images={},
    )


WHOLE = [SentinelView(name, FIRST, "master", 2, 2) for name in layout.SENTINELS]


@pytest.mark.parametrize(
    ("views", "problem"),
    [
        (WHOLE, None),
        ([], "0 of 3 Sentinels answer"),
        (WHOLE[:2], "2 of 3 Sentinels answer"),
        ([*WHOLE[:2], replace(WHOLE[2], primary=SECOND)], "different primaries"),
        ([replace(WHOLE[0], flags="master,s_down"), *WHOLE[1:]], "master,s_down"),
        ([replace(WHOLE[0], replicas=1), *WHOLE[1:]], "knows 1 replicas"),
        ([replace(WHOLE[0], other_sentinels=0), *WHOLE[1:]], "knows 0 other Sentinels"),
    ],
)
def test_whole_means_that_every_sentinel_sees_all_and_agrees(
    views: list[SentinelView], problem: str | None
) -> None:
    """The group is whole when three Sentinels name one primary with two replicas."""
    problems = cache.group_problems(views)

    if problem is None:
        assert problems == []
    else:
        assert any(problem in found for found in problems), problems


@pytest.mark.parametrize(
    ("named", "primary"),
    [
        ([], None),
        ([FIRST], None),
        ([FIRST, FIRST], FIRST),
        ([FIRST, SECOND], None),
        ([FIRST, SECOND, SECOND], SECOND),
    ],
)
def test_a_primary_is_what_a_quorum_names(named: list[str], primary: str | None) -> None:
    """One Sentinel alone does not decide who is primary."""
    views = [replace(WHOLE[0], primary=address) for address in named]

    assert cache.agreed_primary(views) == primary


def test_a_view_is_read_from_sentinels_answer() -> None:
    """The answer to SENTINEL MASTER becomes one view."""
    answer = {"ip": FIRST, "flags": "master", "num-slaves": 2, "num-other-sentinels": 1, "port": 1}

    assert cache.parse_view("s", answer) == SentinelView("s", FIRST, "master", 2, 1)


def test_the_documents_parameter_group_is_applied(context: Context) -> None:
    """The document's two parameters are in each node's configuration as they stand."""
    for name in layout.CACHES:
        lines = cache.node_spec(context, name).environment["PARAMETERS"].splitlines()
        assert "maxmemory-policy allkeys-lru" in lines
        assert "notify-keyspace-events Ex" in lines


def test_a_majority_of_sentinels_is_needed() -> None:
    """The quorum is a majority, so that no minority promotes a second primary."""
    majority = len(layout.SENTINELS) // 2 + 1

    assert majority == cache.QUORUM


def test_no_secret_is_on_a_command_line(context: Context) -> None:
    """The token reaches the containers by environment only."""
    specs = [cache.node_spec(context, name) for name in layout.CACHES]
    specs += [cache.sentinel_spec(context, name) for name in layout.SENTINELS]
    token = context.credentials.cache_auth_token

    assert not [spec.name for spec in specs if token in " ".join(spec.command or ())]


def test_every_difference_says_what_and_why(context: Context) -> None:
    """A difference has both values, a reason and the claims that it weakens."""
    for row in cache.differences(context):
        assert set(row) == {"what", "production", "emulation", "why", "weakens"}
        assert all(row[key] for key in ("what", "production", "emulation", "why")), row
