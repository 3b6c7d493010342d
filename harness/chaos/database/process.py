"""The processes of one database container, as ``ps`` shows them."""

from __future__ import annotations

from dataclasses import dataclass

from docker.models.containers import Container

from harness.errors import FaultFailed
from harness.stack import containers

_PS = ["ps", "-eo", "pid=,ppid=,stat=,args="]


@dataclass(frozen=True)
class Process:
    """One process of the container's own numbering."""

    pid: int
    parent: int
    state: str
    arguments: str

    @property
    def stopped(self) -> bool:
        """Say whether it was stopped by a signal."""
        return self.state.startswith("T")


def parse(text: str) -> list[Process]:
    """Read what ``ps -eo pid=,ppid=,stat=,args=`` printed."""
    result = []
    for line in text.splitlines():
        words = line.split(None, 3)
        if len(words) == 4 and words[0].isdigit() and words[1].isdigit():
            result.append(Process(int(words[0]), int(words[1]), words[2], words[3]))
    return result


def postmaster(processes: list[Process]) -> Process | None:
    """Return PostgreSQL's first process: it has a data directory and a program's path."""
    for process in processes:
        program, _, rest = process.arguments.partition(" ")
        if program.rpartition("/")[2] == "postgres" and "-D" in rest.split():
            return process
    return None


def wal_senders(processes: list[Process]) -> list[Process]:
    """Return the processes that send the log to standbys."""
    return [
        p
        for p in processes
        if p.arguments.startswith("postgres:") and " walsender " in f"{p.arguments} "
    ]


def failover_agent(processes: list[Process]) -> Process | None:
    """Return Patroni's own process, the one that a postmaster cannot outlive unfenced."""
    for process in processes:
        words = process.arguments.split()
        if "-m" in words and "patroni" in words and "python" in words[0]:
            return process
    return None


def running(container: Container) -> list[Process]:
    """Return the processes of a running container."""
    code, output = containers.execute(container, _PS)
    if code != 0:
        raise FaultFailed(
            f"Processes of {container.name}: expected ps to succeed, got {code}: "
            f"{output.strip()[-300:]}."
        )
    return parse(output)


def send(container: Container, signal: str, pids: list[int]) -> None:
    """Send a signal (KILL, STOP, CONT) to processes of the container."""
    argv = ["kill", f"-{signal}", *map(str, pids)]
    code, output = containers.execute(container, argv, user="root")
    if code != 0:
        raise FaultFailed(
            f"Signal {signal} to {pids} in {container.name}: expected success, got {code}: "
            f"{output.strip()[-300:]}."
        )
