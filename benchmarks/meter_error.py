"""How far a reported recovery time is from the truth: planted outages of known length.

``python -m benchmarks.meter_error [--all] [--kinds refuse,hang,blackhole]`` puts a proxy on
loopback in front of a real HTTP server, plants outages, lets the recording HTTP client run
through it and judges its history with the recovery-time checker. Prints JSON with every trial;
exit code 1 when an error is larger than its stated bound or than the limit of its kind.

Kinds: ``refuse`` resets connections and refuses new ones (a process was killed); ``hang``
holds everything and answers it in the end (a paused container that is resumed);
``blackhole`` never answers what was begun in the outage (the service came back elsewhere).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness import clock, polling
from harness.clients.http import HttpTarget, HttpWorkload
from harness.clients.recorder import Recorder
from harness.clients.workload import DEADLINE_SECONDS, SPACING_SECONDS
from harness.model.claim import Bound, Claim, Comparison, Trials
from harness.model.fidelity import Fidelity
from harness.model.history import Phase, parse

ERROR_LIMIT_SECONDS = 0.05
# A request that was begun just before a blackhole ended is given up at its deadline.
ERROR_LIMITS = {
    "refuse": ERROR_LIMIT_SECONDS,
    "hang": ERROR_LIMIT_SECONDS,
    "blackhole": DEADLINE_SECONDS + ERROR_LIMIT_SECONDS,
}
# A hang shorter than about twice the spacing and three usual latencies is by the checker's
# definition a stall and no outage, so that hangs begin at twice the shortest refusal.
SHORTEST = {"refuse": 0.05, "hang": 0.1, "blackhole": 0.1}
FULL = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# About 75 s in all: the longest outage once, each kind at the short end, where errors show.
QUICK = {
    "refuse": (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0),
    "hang": (0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
    "blackhole": (0.1, 1.0, 3.0),
}
_BEFORE_SECONDS = 0.5
# Ten consecutive ok operations at the default spacing, the last hanging one given up first.
_AFTER_SECONDS = DEADLINE_SECONDS + 0.4
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
_REQUEST_BYTES_MAX = 65536


@dataclass(frozen=True)
class MeterTrial:
    """One planted outage and what was reported of it, in seconds."""

    kind: str
    planted: float
    reported: float | None
    stated_error: float | None
    error: float | None
    limit: float
    holds: bool
    reason: str


class Handler(BaseHTTPRequestHandler):
    """The service behind the proxy."""

    def do_GET(self) -> None:  # the name is http.server's
        """Answer 200 with a small body."""
        self.wfile.write(_ANSWER)

    def log_message(self, *arguments: object) -> None:
        """Keep silent: standard output is the report."""


class OutageProxy:
    """A TCP proxy for one request per connection, with outages that begin and end on call."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._lock = threading.Lock()
        self._live: set[socket.socket] = set()
        self._open = threading.Event()
        self._open.set()
        self._kind = ""
        self._listener = self._listen(0)
        self.port: int = self._listener.getsockname()[1]

    def begin(self, kind: str) -> float:
        """Begin an outage and return when it took effect."""
        self._kind = kind
        self._open.clear()
        if kind == "refuse":
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._reset()
        return clock.monotonic()

    def end(self, kind: str) -> float:
        """End the outage and return when the service was back."""
        if kind == "refuse":
            self._open.set()
            self._listener = self._listen(self.port)
            return clock.monotonic()
        ended = clock.monotonic()
        self._open.set()
        return ended

    def close(self) -> None:
        """Close the listener and all connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._reset()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=256)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._live.add(client)
        try:
            with client:
                self._forward(client)
        except OSError:
            return
        finally:
            with self._lock:
                self._live.discard(client)

    def _forward(self, client: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request and len(request) < _REQUEST_BYTES_MAX:
            received = client.recv(4096)
            if not received:
                return
            request += received
        if not self._pass(client):
            return
        with socket.create_connection(("127.0.0.1", self._upstream)) as server:
            server.sendall(request)
            answer = b""
            while received := server.recv(4096):
                answer += received
        if self._pass(client):
            client.sendall(answer)

    def _pass(self, client: socket.socket) -> bool:
        if self._open.is_set():
            return True
        if self._kind == "refuse":
            _abort(client)
            return False
        self._open.wait()
        if self._kind == "hang":
            return True
        while client.recv(4096):
            pass
        return False

    def _reset(self) -> None:
        with self._lock:
            live, self._live = self._live, set()
        for client in live:
            _abort(client)


def _abort(client: socket.socket) -> None:
    # Lingering for zero seconds makes the kernel send a reset.
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.shutdown(socket.SHUT_RD)
        client.close()


@contextlib.contextmanager
def service() -> Iterator[OutageProxy]:
    """Run the HTTP server and the proxy in front of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    proxy = OutageProxy(server.server_port)
    try:
        yield proxy
    finally:
        proxy.close()
        server.shutdown()
        server.server_close()


def measure(kind: str, seconds: float, folder: Path, phase: float) -> MeterTrial:
    """Plant one outage of ``seconds`` and judge the client's history.

    ``phase`` in [0, 1) says where between two slots of the client the outage begins.
    """
    # Here, so that the clients do not depend on the checkers.
    from harness.checkers import CHECKERS  # noqa: PLC0415

    path = folder / f"{kind}-{seconds:g}.jsonl"
    claim = _claim()
    with (
        service() as proxy,
        Recorder(path, claim=claim.id, spacing_seconds=SPACING_SECONDS) as recorder,
    ):
        recorder.observe("steady", {"holds": True, "what": "the server answers on loopback"})
        workload = HttpWorkload(recorder, HttpTarget("127.0.0.1", proxy.port, "/"))
        workload.start()
        polling.pause(_BEFORE_SECONDS + phase * SPACING_SECONDS)
        recorder.fault("planted_outage", Phase.INJECTED, {"kind": kind})
        began = proxy.begin(kind)
        recorder.fault("planted_outage", Phase.PROVEN, {"kind": kind, "effect_at": began})
        polling.pause(seconds)
        planted = proxy.end(kind) - began
        polling.pause(_AFTER_SECONDS)
        workload.stop()
        recorder.fault("planted_outage", Phase.HEALED, {"kind": kind})
    with path.open() as lines:
        finding = CHECKERS[claim.indicator](parse(lines), claim)
    limit = ERROR_LIMITS[kind]
    if finding.measured is None:
        return MeterTrial(kind, planted, None, None, None, limit, False, finding.reason)
    reported, stated = finding.measured.value, finding.measured.error
    error = abs(reported - planted)
    holds = error <= stated and error <= limit
    return MeterTrial(kind, planted, reported, stated, error, limit, holds, finding.reason)


def _claim() -> Claim:
    return Claim(
        id="meter-error",
        sentence="A planted outage ends when it is ended.",
        place="benchmarks",
        indicator="recovery_time",
        bound=Bound(Comparison.AT_MOST, 60.0, "s"),
        fidelity=Fidelity.SAME,
        experiment="planted-outage",
        sabotage="none",
        trials=Trials(1, 1),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all trials, print them as JSON and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="every length with every kind")
    parser.add_argument("--kinds", default=",".join(QUICK), help="comma-separated kinds")
    parser.add_argument("--seed", type=int, default=1, help="of the outages' phases")
    options = parser.parse_args(arguments)
    phases = random.Random(options.seed)
    kinds = options.kinds.split(",")
    unknown = sorted(set(kinds) - set(QUICK))
    if unknown:
        parser.error(f"--kinds: expected some of {', '.join(QUICK)}, got {', '.join(unknown)}")
    with tempfile.TemporaryDirectory(prefix="meter-error-") as folder:
        trials = [
            measure(kind, seconds, Path(folder), phases.random())
            for kind in kinds
            for seconds in (FULL if options.all else QUICK[kind])
            if seconds >= SHORTEST[kind]
        ]
    errors = {
        kind: max((t.error for t in trials if t.kind == kind and t.error is not None), default=None)
        for kind in kinds
    }
    holds = all(trial.holds for trial in trials)
    report = {
        "benchmark": "meter_error",
        "seed": options.seed,
        "spacing_seconds": SPACING_SECONDS,
        "deadline_seconds": DEADLINE_SECONDS,
        "largest_error_seconds": errors,
        "holds": holds,
        "trials": [asdict(trial) for trial in trials],
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
