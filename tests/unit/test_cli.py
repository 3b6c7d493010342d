"""The command line: exit codes, usage errors, and answers for machines."""

from __future__ import annotations

import errno
import json
import threading
from pathlib import Path

import docker.errors
import pytest
import requests.exceptions

from harness import cli, commands
from harness.answers import Answer, Options
from harness.errors import EnvironmentUnavailable, ExitCode, HarnessError, InputInvalid
from harness.stack import attach, engine, host
from harness.stack.folders import folders


def _command(monkeypatch: pytest.MonkeyPatch, result: Answer | BaseException) -> None:
    def act(options: Options, stop: threading.Event) -> Answer:
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setitem(commands.COMMANDS, "status", act)  # type: ignore[arg-type]
    monkeypatch.setattr(cli, "_handle_signals", lambda stop: None)


@pytest.mark.parametrize("argv", [["no-such-command"], [], ["run", "--trials", "0"], ["judge"]])
def test_usage_errors_end_with_64(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A usage error is not taken for an inconclusive verdict (argparse's own code is 2)."""
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)

    assert caught.value.code == ExitCode.USAGE
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputInvalid(["a", "b"]), ExitCode.USAGE),
        (EnvironmentUnavailable("x"), ExitCode.UNAVAILABLE),
        (HarnessError("x"), ExitCode.INTERNAL),
        (RuntimeError("x"), ExitCode.INTERNAL),
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (OSError(errno.ENOSPC, "No space left on device"), ExitCode.UNAVAILABLE),
        (docker.errors.APIError("gone"), ExitCode.UNAVAILABLE),
        (requests.exceptions.ConnectionError("refused"), ExitCode.UNAVAILABLE),
    ],
)
def test_errors_have_their_exit_codes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: ExitCode,
) -> None:
    """Each way to fail has the exit code of the design."""
    _command(monkeypatch, error)

    assert cli.main(["status"]) == code
    assert capsys.readouterr().err


def test_a_stopped_engine_and_a_full_disk_come_with_the_next_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are told in a sentence, without a traceback."""
    for error in (OSError(errno.ENOSPC, "No space"), docker.errors.APIError("gone")):
        _command(monkeypatch, error)
        cli.main(["status"])
        told = capsys.readouterr().err

        assert "Next step" in told
        assert "Traceback" not in told


def test_all_problems_reach_machines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json an error is one document with every problem."""
    _command(monkeypatch, InputInvalid(["first", "second"]))
    cli.main(["status", "--json"])

    assert json.loads(capsys.readouterr().out)["problems"] == ["first", "second"]


def test_verdicts_become_exit_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer's exit code is the program's."""
    _command(monkeypatch, Answer(text="t", data={"x": 1}, exit_code=ExitCode.REFUTED))

    assert cli.main(["status"]) == ExitCode.REFUTED
    assert capsys.readouterr().out == "t\n"


@pytest.mark.parametrize("name", [*commands.COMMANDS])
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command has --help with examples and exit codes."""
    with pytest.raises(SystemExit) as caught:
        cli.main([name, "--help"])

    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "examples:" in text
    assert "exit codes:" in text
    assert "--json" in text


def test_an_account_that_was_seeded_is_not_emptied_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stack with resources in its account is named, and nothing is started."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    attach.write_record(folders(), {"run": "r", "prefix": "10.0"})
    monkeypatch.setattr(host, "require", lambda checks: None)
    monkeypatch.setattr(host, "inspect", lambda where: [])
    monkeypatch.setattr(engine, "ensure", lambda *a, **k: pytest.fail("the engine was started"))

    assert cli.main(["up", "--empty-account"]) == ExitCode.USAGE
    assert "down, then up --empty-account" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("record", "expected"),
    [({}, True), ({"account": "seeded"}, True), ({"account": "empty"}, False)],
)
def test_a_stack_stays_as_it_was_brought_up(record: dict[str, str], expected: bool) -> None:
    """A record of an earlier version has no word on it: that account was seeded."""
    assert attach.is_seeded({"run": "r", **record}) is expected
