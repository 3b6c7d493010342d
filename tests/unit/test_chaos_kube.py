"""The cluster's API over loopback: the harness's own kubeconfig, plain JSON, watches."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.chaos import session as sessions
from harness.chaos.kube import Kube, WatchExpired
from harness.chaos.pod.eviction import evict
from harness.chaos.session import Session
from harness.chaos.undo import UndoLog
from harness.chaos.watch_cluster import NodeWatch, PodWatch
from harness.clients.recorder import Recorder
from harness.errors import FaultFailed, ProbeFailed
from harness.model import history
from harness.stack import layout
from harness.stack.folders import Folders


@dataclass
class Api:
    """A server whose answers are set by path; what it was asked is kept."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    port: int = 0


@pytest.fixture
def api() -> Iterator[Api]:
    state = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            state.asked.append((self.command, self.path, body))
            if "watch=true" in self.path:
                self._stream()
                return
            status, document = state.answers.get(self.path.split("?")[0], (404, {}))
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _stream(self) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            text = "".join(json.dumps(event) + "\n" for event in state.events)
            # Cut in the middle of a line, as TCP may.
            for part in (text[:20], text[20:]):
                if part:
                    self.wfile.write(f"{len(part):x}\r\n{part}\r\n".encode())
            self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join(5)


def kubeconfig(folder: Path, port: int, context: str = layout.CONTEXT) -> Folders:
    where = Folders(folder)
    where.state.mkdir(parents=True)
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u"}}],
        "current-context": context,
    }
    where.kubeconfig.write_text(yaml.safe_dump(document))
    return where


@pytest.fixture
def kube(api: Api, tmp_path: Path) -> Kube:
    return Kube(kubeconfig(tmp_path / "cache", api.port))


class Reach:
    """Tools of a stack that has nothing but a cluster."""

    def __init__(self, kube: Kube) -> None:
        self.kube = kube


@pytest.fixture
def session(kube: Kube, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setattr("harness.chaos.tools.current", lambda: Reach(kube))
    recorder = Recorder(tmp_path / "history.jsonl", claim="c", spacing_seconds=0.02)
    with recorder:
        yield Session(
            recorder=recorder, undo=UndoLog(tmp_path / "undo"), run="r", trial="t", seed=1
        )


def observed(session: Session, probe: str) -> list[Any]:
    session.recorder.close()
    lines = session.recorder.path.read_text().splitlines()
    return [o.value for o in history.parse(lines).observations(probe)]


def test_another_context_than_the_harness_own_is_never_used(tmp_path: Path) -> None:
    where = kubeconfig(tmp_path / "cache", 1, context="production")

    with pytest.raises(ProbeFailed, match=layout.CONTEXT):
        Kube(where)


def test_objects_come_back_as_they_were_sent(api: Api, kube: Kube) -> None:
    api.answers["/api/v1/nodes/a"] = (200, {"kind": "Node", "unknownField": [1]})

    assert kube.get("/api/v1/nodes/a") == {"kind": "Node", "unknownField": [1]}
    assert kube.find("/api/v1/nodes/b") is None
    assert not kube.delete("/api/v1/nodes/b")


def test_an_error_says_what_the_api_said(api: Api, kube: Kube) -> None:
    api.answers["/x"] = (409, {"message": "the object has been modified"})

    with pytest.raises(ProbeFailed, match="409: the object has been modified"):
        kube.replace("/x", {})


def test_an_api_that_is_not_there_is_a_failed_probe(tmp_path: Path) -> None:
    with pytest.raises(ProbeFailed, match="expected an answer"):
        Kube(kubeconfig(tmp_path / "cache", 9)).get("/api/v1/nodes")


def test_every_eviction_is_recorded_with_its_answer(api: Api, kube: Kube, session: Session) -> None:
    path = f"/api/v1/namespaces/{layout.NAMESPACE}/pods/odoo-backend-1/eviction"
    api.answers[path] = (429, {"details": {"causes": [{"reason": "DisruptionBudget"}]}})

    evict(session, kube, namespace=layout.NAMESPACE, pod="odoo-backend-1", node="w")

    [(method, _, body)] = api.asked
    assert (method, body["apiVersion"], body["kind"]) == ("POST", "policy/v1", "Eviction")
    assert observed(session, "eviction") == [
        {"pod": "odoo-backend-1", "node": "w", "status": 429, "reason": "DisruptionBudget"}
    ]


def node(name: str, ready: str, version: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "resourceVersion": version},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def test_a_watch_records_the_list_and_then_each_change_once(api: Api, session: Session) -> None:
    items = [node("a", "True", "1"), node("b", "True", "1")]
    api.answers["/api/v1/nodes"] = (200, {"metadata": {"resourceVersion": "1"}, "items": items})
    api.events = [
        {"type": "MODIFIED", "object": node("a", "True", "2")},
        {"type": "MODIFIED", "object": node("b", "Unknown", "3")},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "4"}}},
        {"type": "ERROR", "object": {"message": "too old resource version"}},
    ]

    NodeWatch().run(session, threading.Event())

    assert observed(session, "node_ready") == [
        {"node": "a", "ready": True},
        {"node": "b", "ready": True},
        {"node": "b", "ready": False},
    ]


def test_a_change_during_a_broken_watch_is_found_by_the_next_list(
    api: Api, session: Session
) -> None:
    watch = NodeWatch()
    api.events = [{"type": "ERROR", "object": {}}]
    path = "/api/v1/nodes"
    version = {"resourceVersion": "1"}
    api.answers[path] = (200, {"metadata": version, "items": [node("a", "True", "1")]})
    watch.run(session, threading.Event())
    api.answers[path] = (200, {"metadata": version, "items": [node("a", "False", "9")]})

    watch.run(session, threading.Event())

    assert [value["ready"] for value in observed(session, "node_ready")] == [True, False]


def test_pods_are_recorded_on_change_and_removal(api: Api, session: Session) -> None:
    def backend(ready: str) -> dict[str, Any]:
        document = node("odoo-backend-1", ready, "1")
        document["metadata"]["uid"] = "u"
        document["spec"] = {"nodeName": "w"}
        document["status"]["phase"] = "Running"
        return document

    path = f"/api/v1/namespaces/{layout.NAMESPACE}/pods"
    listed = {"metadata": {"resourceVersion": "1"}, "items": [backend("True")]}
    api.answers[path] = (200, listed)
    api.events = [
        {"type": "MODIFIED", "object": backend("False")},
        {"type": "DELETED", "object": backend("False")},
        {"type": "ERROR", "object": {}},
    ]

    PodWatch().run(session, threading.Event())

    states = [(v["phase"], v["ready"]) for v in observed(session, "backend_pod")]
    assert states == [("Running", True), ("Running", False), ("Deleted", False)]


def test_an_expired_version_is_told_apart_from_a_broken_watch(api: Api, kube: Kube) -> None:
    api.events = [{"type": "ERROR", "object": {"message": "too old"}}]

    with pytest.raises(WatchExpired, match="too old"):
        list(kube.watch("/api/v1/nodes", {}, "1"))


def test_no_fault_without_a_trial() -> None:
    sessions._active.clear()

    with pytest.raises(FaultFailed, match="No trial is running"):
        sessions.current()
