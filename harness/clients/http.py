"""The HTTP client: requests through a Service, and the load that makes the HPA scale.

A request is ok when it is answered with 200 within its deadline. Everything else is failed,
a timeout after the connection too: a GET changes nothing, so there is no doubt to keep.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import urllib3
from urllib3.response import BaseHTTPResponse

from harness import clock, polling
from harness.clients.recorder import Recorder, brief
from harness.clients.workload import (
    DEADLINE_SECONDS,
    DURATION_SECONDS_MAX,
    OK,
    OPERATIONS_MAX,
    SPACING_SECONDS,
    Attempt,
    PacedWorkload,
    failed,
    next_slot,
)
from harness.errors import HarnessError
from harness.model.history import Outcome

OPERATION = "request"
BODY_BYTES_MAX = 4 * 1024 * 1024
_CHUNK_BYTES = 65536
# A request behind the CPU burner waits in the queue of a saturated pod; longer than this the
# load would only pile up on the client's side.
LOAD_DEADLINE_SECONDS = 10.0


@dataclass(frozen=True)
class HttpTarget:
    """Where requests go; ``host`` is the Host header where it differs from the address."""

    address: str
    port: int
    path: str = "/web/health"
    host: str | None = None


class HttpWorkload:
    """``clients`` paced clients named http-0, http-1, ..., staggered within one spacing.

    Each request opens its own connection unless ``keep_alive``, so that each is balanced by
    the Service anew, as the requests of many users are.
    """

    def __init__(
        self,
        recorder: Recorder,
        target: HttpTarget,
        *,
        clients: int = 1,
        keep_alive: bool = False,
        name: str = "http",
        spacing_seconds: float = SPACING_SECONDS,
        deadline_seconds: float = DEADLINE_SECONDS,
        operations_max: int = OPERATIONS_MAX,
        duration_seconds_max: float = DURATION_SECONDS_MAX,
    ) -> None:
        self._clients = [
            _HttpClient(
                recorder,
                target,
                keep_alive=keep_alive,
                client=f"{name}-{number}",
                spacing_seconds=spacing_seconds,
                deadline_seconds=deadline_seconds,
                operations_max=operations_max,
                duration_seconds_max=duration_seconds_max,
                offset_seconds=spacing_seconds * number / clients,
            )
            for number in range(clients)
        ]

    def start(self) -> None:
        """Begin all clients."""
        for client in self._clients:
            client.start()

    def stop(self) -> None:
        """End all clients, then raise the first problem that one of them had."""
        problems: list[HarnessError] = []
        for client in self._clients:
            client.stopping.set()
        for client in self._clients:
            try:
                client.stop()
            except HarnessError as error:
                problems.append(error)
        if problems:
            raise problems[0]

    def finished(self) -> bool:
        """Say whether every client has ended."""
        return all(client.finished() for client in self._clients)


class _HttpClient(PacedWorkload):
    def __init__(
        self,
        recorder: Recorder,
        target: HttpTarget,
        *,
        keep_alive: bool,
        client: str,
        spacing_seconds: float,
        deadline_seconds: float,
        operations_max: int,
        duration_seconds_max: float,
        offset_seconds: float,
    ) -> None:
        super().__init__(
            recorder,
            client=client,
            op=OPERATION,
            spacing_seconds=spacing_seconds,
            deadline_seconds=deadline_seconds,
            operations_max=operations_max,
            duration_seconds_max=duration_seconds_max,
            offset_seconds=offset_seconds,
        )
        self._requests = _Requests(target, keep_alive=keep_alive, connections=1)

    def attempt(self, id: str, deadline: float) -> Attempt:
        return self._requests.attempt(deadline)

    def disconnect(self) -> None:
        self._requests.close()


@dataclass(frozen=True, slots=True)
class LoadTally:
    """What the load came to: requests sent, answered with 200, failed; slots left out."""

    sent: int
    ok: int
    failed: int
    skipped: int


class LoadWorkload:
    """Open-loop load: a request in each slot, while fewer than ``outstanding_max`` are out.

    A slot that finds all of them out is skipped and counted, so that the load reached is known
    (``tally``; also observed as probe ``load`` when it ends). Ends by itself after
    ``duration_seconds_max``. Operations are recorded as client load-0.
    """

    def __init__(
        self,
        recorder: Recorder,
        target: HttpTarget,
        *,
        requests_per_second: float,
        duration_seconds_max: float,
        outstanding_max: int = 32,
        deadline_seconds: float = LOAD_DEADLINE_SECONDS,
        name: str = "load",
    ) -> None:
        self._recorder = recorder
        self._requests = _Requests(target, keep_alive=False, connections=outstanding_max)
        self._spacing_seconds = 1.0 / requests_per_second
        self._duration_seconds_max = duration_seconds_max
        self._deadline_seconds = deadline_seconds
        self._client = f"{name}-0"
        self._free = threading.BoundedSemaphore(outstanding_max)
        self._workers = ThreadPoolExecutor(outstanding_max, thread_name_prefix=self._client)
        self._lock = threading.Lock()
        self._counts = {"sent": 0, "ok": 0, "failed": 0, "skipped": 0}
        self._failure: Exception | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def tally(self) -> LoadTally:
        """Return what the load came to so far."""
        with self._lock:
            return LoadTally(**self._counts)

    def start(self) -> None:
        """Begin the load; it is started once."""
        if self._thread is not None:
            raise HarnessError(f"Load {self._client} was started twice: make a new one.")
        self._thread = threading.Thread(target=self._run, name=self._client, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the load, wait for requests in flight (each has its deadline), observe the tally.

        Calling it again does nothing. Raises HarnessError when the load broke down.
        """
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        thread.join(self._deadline_seconds)
        self._workers.shutdown(wait=True, cancel_futures=True)
        self._requests.close()
        if self._failure is not None:
            raise HarnessError(
                f"Load {self._client} broke down: {brief(self._failure)}. Run the trial again."
            ) from self._failure
        counts = self.tally
        self._recorder.observe(
            "load",
            {
                "sent": counts.sent,
                "ok": counts.ok,
                "failed": counts.failed,
                "skipped": counts.skipped,
            },
        )

    def finished(self) -> bool:
        """Say whether the load has ended, by itself or stopped."""
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        started = clock.monotonic()
        number = 0
        while clock.monotonic() - started < self._duration_seconds_max:
            if self._failure is not None:
                return
            if self._free.acquire(blocking=False):
                self._count("sent")
                self._workers.submit(self._request, f"{self._client}-{number:06d}")
                number += 1
            else:
                self._count("skipped")
            delay = next_slot(started, clock.monotonic(), self._spacing_seconds)
            if polling.pause(delay, stop=self._stopping):
                return

    def _request(self, id: str) -> None:
        try:
            self._recorder.operation(self._client, OPERATION, id, Outcome.INVOKED)
            result = self._requests.attempt(clock.monotonic() + self._deadline_seconds)
            self._recorder.operation(self._client, OPERATION, id, result.outcome, result.error)
            self._count("ok" if result.outcome is Outcome.OK else "failed")
        # The edge of the worker thread: what happened is raised by stop.
        except Exception as error:
            self._failure = error
        finally:
            self._free.release()

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


class _Requests:
    """GET requests to one target, without retries or redirects; safe to share."""

    def __init__(self, target: HttpTarget, *, keep_alive: bool, connections: int) -> None:
        headers = {"Host": target.host or f"{target.address}:{target.port}"}
        if not keep_alive:
            headers["Connection"] = "close"
        self._keep_alive = keep_alive
        self._path = target.path
        self._pool = urllib3.HTTPConnectionPool(
            target.address, target.port, maxsize=connections, headers=headers, retries=False
        )

    def attempt(self, deadline: float) -> Attempt:
        """Send one request; ok means 200 and a whole body by ``deadline``."""
        remaining = max(0.001, deadline - clock.monotonic())
        try:
            response = self._pool.urlopen(
                "GET",
                self._path,
                timeout=urllib3.Timeout(total=remaining),
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return failed(error)
        whole = False
        try:
            problem = _read_body(response, deadline)
            whole = problem is None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return failed(error)
        finally:
            if self._keep_alive and whole:
                response.release_conn()
            else:
                response.close()
        if response.status != 200:
            return failed(f"HTTP {response.status}")
        return OK if problem is None else failed(problem)

    def close(self) -> None:
        """Close idle connections."""
        self._pool.close()


def _read_body(response: BaseHTTPResponse, deadline: float) -> str | None:
    size = 0
    while chunk := response.read1(_CHUNK_BYTES):
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            return f"Body larger than {BODY_BYTES_MAX} bytes."
        if clock.monotonic() > deadline:
            return "Deadline passed while the body was read."
    return None if clock.monotonic() <= deadline else "Answered after the deadline."
