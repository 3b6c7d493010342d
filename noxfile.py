"""The lanes of the project; ``nox --list`` shows them.

Each session sets up all it needs; nothing has to be installed by hand but nox.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

import nox

nox.options.sessions = ["tests"]

ROOT = Path(__file__).parent
LOCK = ROOT / "requirements.lock"
# One environment for every lane, because they use the same packages; nox itself would make one
# for each session.
ENVIRONMENT = ROOT / ".nox" / "harness"
PYTHON = ENVIRONMENT / "bin" / "python"


def _install(session: nox.Session) -> None:
    """Install the locked packages, unless the environment already has exactly those."""
    digest = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    stamp = ENVIRONMENT / "requirements.digest"
    if stamp.exists() and stamp.read_text() == digest:
        return
    session.log("Installing the locked packages (expected 1 to 2 minutes, once)")
    # virtualenv comes with nox; the standard library's venv is a package of its own on Debian.
    arguments = ["--clear", "--quiet", str(ENVIRONMENT)]
    session.run(sys.executable, "-m", "virtualenv", *arguments, external=True)
    _python(session, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK))
    stamp.write_text(digest)


# After Ctrl-C the harness heals its faults, which may take a rollout; nox would kill it after
# half a second.
HEAL_SECONDS = 330.0


def _python(session: nox.Session, *arguments: str) -> None:
    session.run(
        str(PYTHON),
        *arguments,
        external=True,
        interrupt_timeout=HEAL_SECONDS,
        terminate_timeout=HEAL_SECONDS,
    )


def _harness(session: nox.Session, *arguments: str) -> None:
    _python(session, "-m", "harness", *arguments)


@nox.session(venv_backend="none")
def emulate(session: nox.Session) -> None:
    """Bring the whole stack up, break it, and judge the document's promises."""
    _install(session)
    _harness(session, "emulate", *session.posargs)


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """Run every test: style, types, unit, then the real stack and its experiments."""
    _install(session)
    _style(session)
    _browser(session)
    _unit(session)
    _stack_tests(session, *session.posargs)


@nox.session(default=False, venv_backend="none")
def audit(session: nox.Session) -> None:
    """Judge infra/ (or the inputs named) against the document's promises; no engine needed."""
    _install(session)
    _harness(session, "audit", *session.posargs)


@nox.session(default=False, venv_backend="none")
def unit(session: nox.Session) -> None:
    """Run the tests that need no engine (seconds)."""
    _install(session)
    _unit(session, *session.posargs)


@nox.session(default=False, venv_backend="none")
def integration(session: nox.Session) -> None:
    """Run the tests that need the stack; it is brought up first and taken down after."""
    _install(session)
    _stack_tests(session, *session.posargs)


@nox.session(default=False, venv_backend="none")
def provision(session: nox.Session) -> None:
    """Run Terraform with every mapped type against an AWS of its own (3 minutes, no engine)."""
    _install(session)
    _python(session, "-m", "pytest", "tests/integration/test_provision.py", *session.posargs)


@nox.session(default=False, venv_backend="none")
def lint(session: nox.Session) -> None:
    """Check style and types."""
    _install(session)
    _style(session)


@nox.session(default=False, venv_backend="none")
def down(session: nox.Session) -> None:
    """Take the stack down and leave nothing but the cache."""
    _install(session)
    _harness(session, "down", *session.posargs)


@nox.session(default=False, venv_backend="none")
def benchmark(session: nox.Session) -> None:
    """Measure speed as ratios in one run; needs the stack for two of them."""
    _install(session)
    _python(session, "-m", "benchmarks", *session.posargs)


def _style(session: nox.Session) -> None:
    _python(session, "-m", "ruff", "format", "--check", ".")
    _python(session, "-m", "ruff", "check", ".")
    _python(session, "-m", "mypy")


def _unit(session: nox.Session, *arguments: str) -> None:
    _python(session, "-m", "pytest", "tests/unit", "tests/test_house.py", *arguments)


def _browser(session: nox.Session) -> None:
    """Install Chromium for the report's own test where that is possible unasked."""
    if all(shutil.which(program) for program in ("chromium", "chromedriver")):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    settings = {"DEBIAN_FRONTEND": "noninteractive"}
    packages = ["chromium", "chromium-driver"]
    session.run("apt-get", "update", "-qq", external=True, env=settings)
    session.run("apt-get", "install", "-y", "-qq", *packages, external=True, env=settings)


def _stack_tests(session: nox.Session, *arguments: str) -> None:
    try:
        _harness(session, "up")
    except BaseException:
        _harness(session, "down")
        raise
    # The tests take the stack down themselves, so that pytest's summary comes last.
    paths = ["tests/integration", "tests/acceptance"]
    _python(session, "-m", "pytest", *paths, "--take-down", *arguments)
