"""Errors of the harness: one root, one class for each way a person has to react.

Every message says what failed, where, what was expected, what was got and the next step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import TypeVar

T = TypeVar("T")


class ExitCode(IntEnum):
    """Exit codes of ``python -m harness``."""

    SUPPORTED = 0
    REFUTED = 1
    INCONCLUSIVE = 2
    USAGE = 64
    UNAVAILABLE = 69
    INTERNAL = 70
    INTERRUPTED = 130


class HarnessError(Exception):
    """Root of all errors that the harness raises on purpose."""

    exit_code = ExitCode.INTERNAL


class InputInvalid(HarnessError):
    """A document, option or file that a person gave is malformed: nothing was started.

    ``problems`` holds every problem found, each one a full sentence with file, line (where
    known), field, what was expected and what was got.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, problems: Sequence[str] | str) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


def collect(problems: list[str], act: Callable[[], T]) -> T | None:
    """Return what ``act`` returns; None after its InputInvalid, whose problems are added.

    For commands with several inputs, so that the problems of all are told at once.
    """
    try:
        return act()
    except InputInvalid as error:
        problems += error.problems
        return None


class ExperimentInvalid(InputInvalid):
    """An experiment, sabotage or claim document cannot be run as written."""


class RefusedForSafety(InputInvalid):
    """Something points outside this machine (AWS keys, endpoint, kubeconfig context)."""


class EnvironmentUnavailable(HarnessError):
    """The host, the engine or a part of the stack is missing or cannot be brought up."""

    exit_code = ExitCode.UNAVAILABLE


class CommandFailed(EnvironmentUnavailable):
    """An external program exited with an error."""

    def __init__(self, message: str, *, returncode: int, output: str) -> None:
        super().__init__(message)
        self.returncode = returncode
        self.output = output


class LimitExceeded(EnvironmentUnavailable):
    """A wait reached its limit; the message has what was awaited and the last state seen."""


class FaultFailed(HarnessError):
    """A fault could not be injected, proven or healed."""


class ProbeFailed(HarnessError):
    """A probe could not read what it was asked to observe."""


class AlreadyRunning(EnvironmentUnavailable):
    """Another run holds the lock of this machine's stack."""
