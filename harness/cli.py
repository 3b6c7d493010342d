"""The command line: arguments, exit codes, and what is printed. The work is done elsewhere."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from datetime import timedelta
from types import FrameType
from typing import Any, NoReturn

import docker.errors
import requests.exceptions

from harness import command, commands
from harness.answers import AGE_MAX, Answer, Options
from harness.errors import EnvironmentUnavailable, ExitCode, HarnessError, InputInvalid
from harness.plan import Lane

EXAMPLES = """\
examples:
  python -m harness doctor                     what is missing on this host, and what mends it
  python -m harness audit                      what in infra/ breaks a promise, in seconds
  python -m harness emulate                    stack up, break it, judge the promises, report
  python -m harness emulate --only database    only the experiments whose name has "database"
  python -m harness emulate --no-chaos         bring the stack up and check it, break nothing
  python -m harness run pdb-drain --trials 3   one experiment, three times, on the running stack
  python -m harness judge results/latest       judge stored histories again
  python -m harness plan --terraform DIR       plan a configuration; needs no stack
  python -m harness up --empty-account         a stack whose account is left to Terraform
  python -m harness apply --terraform DIR      apply it to the emulated AWS
  python -m harness destroy --terraform DIR    remove what apply made
  python -m harness recover                    heal what an interrupted run left behind
  python -m harness down                       take everything down again
  python -m harness key --out gate.key         make a key pair that signs attestations
  python -m harness attest results/latest --key gate.key     may this commit be applied?
  python -m harness verify --attestation results/latest/attestation.json --key gate.key.pub \\
      --commit "$(git rev-parse HEAD)" --manifests infra/kubernetes/overlays/production

exit codes:
  0 supported   1 refuted   2 inconclusive   64 usage   69 environment unavailable
  70 internal error   130 interrupted
"""


# Without any of them the audit reads the folders of infra/ that exist.
_AUDIT_INPUTS = {
    "terraform": "folder of .tf files, or a plan as JSON (terraform show -json), or both",
    "kubernetes": "folder of manifests, or with a kustomization",
    "monitoring": "folder of Prometheus rules, Alertmanager configuration, Helm values",
    "pipeline": "folder of workflows and shell scripts",
}


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors exit with 64, because 2 means inconclusive here."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {message}. Next step: {self.prog} --help", file=sys.stderr)
        raise SystemExit(ExitCode.USAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    options = Options(**vars(arguments))
    stop = threading.Event()
    _handle_signals(stop)
    try:
        answer = commands.COMMANDS[options.command](options, stop)
    except KeyboardInterrupt:
        return _interrupted(options)
    except HarnessError as error:
        if stop.is_set():
            return _interrupted(options)
        return _failed(options, error)
    except Exception as error:
        if stop.is_set():
            return _interrupted(options)
        known = _environment_error(error)
        if known is not None:
            return _failed(options, known)
        traceback.print_exc()
        print("harness: internal error; the traceback above says where.", file=sys.stderr)
        return ExitCode.INTERNAL
    return _print(options, answer)


def _environment_error(error: Exception) -> EnvironmentUnavailable | None:
    """Return what a person can act on where the engine or the disk gave up, else None."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return EnvironmentUnavailable(
            f"The disk is full: {error}. Next step: free space (python -m harness doctor says how "
            "much is needed), then run the command again; it goes on where it stopped."
        )
    if isinstance(error, docker.errors.DockerException | requests.exceptions.RequestException):
        return EnvironmentUnavailable(
            f"The container engine refused or no longer answers: {error}. Next step: see that it "
            "runs (docker info) and run the command again; up heals what was left, and down "
            "removes everything."
        )
    return None


def _print(options: Options, answer: Answer) -> int:
    try:
        if options.json:
            print(json.dumps(answer.data, indent=1, ensure_ascii=False, default=str))
        elif answer.text:
            print(answer.text.rstrip())
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (`| head`); what was computed stands.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(answer.exit_code)


def _failed(options: Options, error: HarnessError) -> int:
    notes = list(getattr(error, "__notes__", ()))
    if options.json:
        problems = list(error.problems) if isinstance(error, InputInvalid) else [str(error)]
        data = {"error": type(error).__name__, "problems": problems, "notes": notes}
        print(json.dumps(data, indent=1, ensure_ascii=False))
    else:
        for line in (*str(error).splitlines(), *notes):
            print(f"harness: {line}", file=sys.stderr)
    return int(error.exit_code)


def _interrupted(options: Options) -> int:
    message = (
        "harness: interrupted. Faults were healed; the stack stays as it is. Next step: "
        "run the command again to go on, or python -m harness down to remove everything."
    )
    if options.command in ("plan", "apply", "destroy"):
        message = (
            "harness: interrupted. What was done by then is in the state. Next step: "
            "python -m harness apply to go on, or destroy to remove it."
        )
    with contextlib.suppress(BrokenPipeError):
        print(message, file=sys.stderr)
    if options.json:
        print(json.dumps({"error": "interrupted"}))
    return ExitCode.INTERRUPTED


def _handle_signals(stop: threading.Event) -> None:
    """Stop at the first Ctrl-C or SIGTERM: end running commands, then clean up."""

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            return
        stop.set()
        command.interrupt_all()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m harness",
        description="Local emulation and chaos test harness of the Smart Dairy production stack.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str, **defaults: Any) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=text, description=text, epilog=EXAMPLES)
        sub.formatter_class = argparse.RawDescriptionHelpFormatter
        sub.add_argument("--json", action="store_true", help="answer for machines, on one stream")
        sub.set_defaults(**defaults)
        return sub

    add("doctor", "say what is missing on this host and what mends it")
    up = add("up", "bring the whole stack up (idempotent)")
    _install_option(up)
    up.add_argument(
        "--empty-account",
        action="store_true",
        help="make no resources in the emulated AWS account, so that apply can make them",
    )
    down = add("down", "remove everything but the cache")
    down.add_argument(
        "--keep-images", action="store_true", help="leave the image tags in the engine"
    )
    status = add(
        "status", "show the parts of the stack, their endpoints and where credentials stand"
    )
    status.add_argument(
        "--aws",
        action="store_true",
        help="list which operations of the harness's own AWS services act on the stack (real), "
        "are only remembered (kept) or are missing, as the running emulator says",
    )
    emulate = add("emulate", "stack up, experiments, verdicts and report")
    _install_option(emulate)
    _run_options(emulate)
    emulate.add_argument(
        "--no-chaos", action="store_true", help="bring the stack up and break nothing"
    )
    keep = emulate.add_mutually_exclusive_group()
    keep.add_argument("--keep", action="store_true", help="leave the stack up (the default)")
    keep.add_argument("--down", action="store_true", help="take the stack down at the end")
    run = add("run", "run experiments on the running stack and judge them")
    run.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="names, see experiments/")
    _run_options(run)
    judge = add("judge", "judge the stored histories of a run again")
    judge.add_argument("path", metavar="PATH", help="results/<run>, results/latest or a history")
    report = add("report", "write report.html, report.md and junit.xml of a stored run again")
    report.add_argument("path", metavar="PATH", help="results/<run> or results/latest")
    audit = add("audit", "judge Terraform, manifests, monitoring and pipelines; no engine needed")
    for name, what in _AUDIT_INPUTS.items():
        audit.add_argument(
            f"--{name}", action="append", default=[], metavar="PATH", help=f"{what} (repeatable)"
        )
    audit.add_argument("--sarif", default="", metavar="FILE", help="write SARIF 2.1.0 as well")
    add("recover", "heal what an interrupted run left behind")
    add("differences", "list what the emulation changes against production, and why")
    planned = add("plan", "plan a Terraform configuration, with or without a running stack")
    _provision_options(planned)
    planned.add_argument(
        "--out", metavar="FILE", default="", help="write the plan's JSON there too"
    )
    _provision_options(add("apply", "apply a Terraform configuration to the emulated AWS"))
    _provision_options(add("destroy", "remove what apply made in the emulated AWS"))
    _gate_options(add)
    return parser


def _gate_options(add: Callable[..., argparse.ArgumentParser]) -> None:
    attest = add("attest", "decide on a stored run with its waivers, and attest the decision")
    attest.add_argument("path", metavar="PATH", help="results/<run> or results/latest")
    attest.add_argument("--key", metavar="PRIVATE_KEY", help="sign with it, else unsigned")
    attest.add_argument("--plan", metavar="PLAN", help="Terraform plan file that is to be applied")
    verify = add("verify", "compare an attestation with what is about to be applied")
    verify.add_argument("--attestation", metavar="FILE", required=True, help="from attest")
    verify.add_argument("--key", metavar="PUBLIC_KEY", help="the signature must be of this key")
    verify.add_argument("--plan", metavar="PLAN", help="Terraform plan file that is to be applied")
    verify.add_argument(
        "--manifests", metavar="PATH", help="rendered manifests, or a kustomize folder to render"
    )
    verify.add_argument("--commit", metavar="SHA", help="full name of the commit to be applied")
    verify.add_argument(
        "--max-age",
        dest="age_max",
        type=_duration,
        default=AGE_MAX,
        metavar="AGE",
        help="oldest run that counts, such as 30d (default), 12h or 90m",
    )
    verify.add_argument(
        "--lane",
        dest="asked_lane",
        choices=[lane.value for lane in Lane],
        help="least lane that the run must have had",
    )
    key = add("key", "create an Ed25519 key pair: FILE, readable by its owner only, and FILE.pub")
    key.add_argument("--out", metavar="FILE", required=True, help="new file of the private key")


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,4})([dhm])", text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"expected a whole number with d, h or m, such as 30d, got {text!r}"
        )
    unit = {"d": "days", "h": "hours", "m": "minutes"}[match[2]]
    return timedelta(**{unit: int(match[1])})


def _provision_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--terraform",
        dest="root",
        metavar="DIR",
        default="",
        help="folder of the root module (default: infra/terraform/production)",
    )
    parser.add_argument(
        "--endpoint",
        metavar="URL",
        default="",
        help="the emulated AWS, on this machine only (default: the running stack's)",
    )
    parser.add_argument(
        "--provider",
        choices=["auto", "real", "standin"],
        default="auto",
        help="the AWS provider: real where it can be had, else the stand-in (auto, default)",
    )
    parser.add_argument(
        "--mirror", metavar="DIR", default="", help="filesystem mirror that holds hashicorp/aws"
    )
    parser.add_argument(
        "--var", action="append", default=[], metavar="NAME=VALUE", help="value of a variable"
    )
    parser.add_argument(
        "--var-file", action="append", default=[], metavar="FILE", help="file with variables"
    )


def _install_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-install",
        action="store_true",
        help="never install a missing container engine, say how instead",
    )


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="WORD",
        help="only claims or experiments whose name has this word (repeatable, commas allowed)",
    )
    parser.add_argument("--full", action="store_true", help="all trials, as in the gate")
    parser.add_argument(
        "--trials", type=_positive, metavar="N", help="so many trials of each experiment"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="seed of every random choice")
    parser.add_argument(
        "--sabotages",
        choices=["missing", "all", "none", "only"],
        default="missing",
        help="which planted defects to run: those not yet refuted by this version (default), "
        "all, none, or only them",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan of the run and stop")


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1 or number > 100:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 100, got {text!r}")
    return number
