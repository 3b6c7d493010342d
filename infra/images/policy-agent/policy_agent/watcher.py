"""The cluster's pods, namespaces and policies, kept up to date by list and watch."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from policy_agent.log import log

T = TypeVar("T")

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
LIST_LIMIT_SECONDS = 30
# The server ends a watch after this time; a connection that is silent for longer is dead.
WATCH_SECONDS = 240
WATCH_LIMIT_SECONDS = 270
RETRY_SECONDS = 1.0


class WatchEnded(Exception):
    """The server refused or ended a watch in a way that asks for a new list."""


class ApiServer:
    """The API server as seen from a pod, over the service account's token."""

    def __init__(self, host: str, port: int) -> None:
        """Name the server; nothing is connected yet."""
        self._host, self._port = host, port

    def get(
        self, path: str, limit_seconds: float
    ) -> tuple[http.client.HTTPSConnection, http.client.HTTPResponse]:
        """Return the open connection and the answer; raises OSError unless it is a 200."""
        context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        connection = http.client.HTTPSConnection(
            self._host, self._port, context=context, timeout=limit_seconds
        )
        token = (ACCOUNT / "token").read_text().strip()
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            if response.status != 200:
                raise OSError(f"GET {path}: expected status 200, got {response.status}")
        except BaseException:
            connection.close()
            raise
        return connection, response


class Watcher(Generic[T]):
    """One kind of object, parsed, by uid; ``changed`` is called after each change."""

    def __init__(
        self,
        server: ApiServer,
        path: str,
        parse: Callable[[Mapping[str, Any]], T | None],
        changed: Callable[[], None],
    ) -> None:
        """Prepare to watch ``path``; objects for which ``parse`` returns None are left out."""
        self._server, self._path = server, path
        self._parse, self._changed = parse, changed
        self._objects: dict[str, T] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.listed = threading.Event()

    def objects(self) -> list[T]:
        """Return all objects known now."""
        with self._lock:
            return list(self._objects.values())

    def start(self) -> None:
        """Begin to list and watch in a thread of its own, until the process ends."""
        threading.Thread(target=self._run, name=f"watch {self._path}", daemon=True).start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow(self._list())
            except (OSError, http.client.HTTPException, ValueError, KeyError, WatchEnded) as error:
                # The rules that are loaded stay in force meanwhile.
                log(event="watch", path=self._path, error=f"{type(error).__name__}: {error}")
                self._stop.wait(RETRY_SECONDS)

    def _list(self) -> str:
        connection, response = self._server.get(self._path, LIST_LIMIT_SECONDS)
        try:
            document = json.loads(response.read())
        finally:
            connection.close()
        parsed = {item["metadata"]["uid"]: self._parse(item) for item in document["items"]}
        with self._lock:
            self._objects = {uid: value for uid, value in parsed.items() if value is not None}
        self.listed.set()
        self._changed()
        return str(document["metadata"]["resourceVersion"])

    def _follow(self, version: str) -> None:
        while True:
            connection, response = self._server.get(
                f"{self._path}?watch=1&allowWatchBookmarks=true&resourceVersion={version}"
                f"&timeoutSeconds={WATCH_SECONDS}",
                WATCH_LIMIT_SECONDS,
            )
            try:
                for line in response:
                    version = self.take(json.loads(line))
            finally:
                connection.close()

    def take(self, event: Mapping[str, Any]) -> str:
        """Apply one watch event and return its resource version."""
        kind, document = event["type"], event["object"]
        if kind == "ERROR":
            raise WatchEnded(str(document.get("message")))
        if kind != "BOOKMARK":
            uid = document["metadata"]["uid"]
            value = None if kind == "DELETED" else self._parse(document)
            with self._lock:
                old = self._objects.pop(uid, None)
                if value is not None:
                    self._objects[uid] = value
            if value != old:
                self._changed()
        return str(document["metadata"]["resourceVersion"])
