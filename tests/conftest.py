"""Fixtures of all tests: the running stack, and no sockets but loopback for unit tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.stack.context import Context

_UNIT = Path(__file__).parent / "unit"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--take-down",
        action="store_true",
        help="take the stack down after the last test",
    )
    parser.addoption(
        "--every-sabotage",
        action="store_true",
        help="run the longest sabotage as well (about 4 minutes more)",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _UNIT in item.path.parents:
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"]))


@pytest.fixture(scope="session")
def stack() -> Context:
    """The context of the stack that ``python -m harness up`` brought up."""
    # Here, so that unit tests need neither an engine nor its client library.
    from harness.stack.attach import attach

    return attach(lambda line: None)


@pytest.fixture(scope="session", autouse=True)
def _take_down(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if request.config.getoption("--take-down"):
        from harness.stack.folders import folders
        from harness.stack.lifecycle import down

        lines: list[str] = []
        down(folders(), lines.append)
