"""The cluster's API as faults and watchers use it: plain JSON over the harness's own kubeconfig.

Objects stay the dictionaries that the API sent, so that an undo can store and restore them
without losing a field that a typed client does not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3

from harness.errors import ProbeFailed
from harness.stack import layout
from harness.stack.folders import Folders

Object = dict[str, Any]

# The API server answers in milliseconds; on a host that is out of CPU it may take seconds.
REQUEST_LIMIT_SECONDS = 10.0
WATCH_SECONDS = 60
# Threads of one experiment that talk to the API at once: watchers, drains and probes.
_CONNECTIONS = 16


@dataclass(frozen=True)
class Answer:
    """HTTP status and decoded body of one request."""

    status: int
    body: Object


class WatchExpired(Exception):
    """The server no longer has the version to watch from: list again."""


class Kube:
    """Requests to one cluster; safe to share between threads."""

    def __init__(self, where: Folders) -> None:
        # Here, because its import takes a second that not every trial needs to spend.
        from kubernetes import client, config  # noqa: PLC0415

        settings = client.Configuration()
        try:
            config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=str(where.kubeconfig),
                context=layout.CONTEXT,
                client_configuration=settings,
                persist_config=False,
            )
        except (config.ConfigException, FileNotFoundError) as error:
            raise ProbeFailed(
                f"Cluster: expected kubeconfig {where.kubeconfig} with context "
                f"{layout.CONTEXT}, got: {error}. Next step: python -m harness up"
            ) from error
        settings.proxy = None
        settings.retries = False
        settings.connection_pool_maxsize = _CONNECTIONS
        self._host = settings.host
        self._pool = client.ApiClient(settings).rest_client.pool_manager

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        """Send one request and return its answer, whatever its status.

        Raises ProbeFailed when the API cannot be reached.
        """
        try:
            response = self._pool.request(
                method,
                self._url(path, query),
                body=None if body is None else json.dumps(body),
                headers={"Content-Type": content_type, "Accept": "application/json"},
                timeout=urllib3.Timeout(total=REQUEST_LIMIT_SECONDS),
                retries=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ProbeFailed(
                f"Cluster API {method} {path}: expected an answer within "
                f"{REQUEST_LIMIT_SECONDS:g} s, got {type(error).__name__}: {error}."
            ) from error
        return Answer(int(response.status), _decode(response.data))

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """Return one object or list; raises ProbeFailed for anything but success."""
        return self._succeed("GET", path, query=query)

    def find(self, path: str) -> Object | None:
        """Return one object, or None where there is none."""
        answer = self.request("GET", path)
        if answer.status == 404:
            return None
        return _checked("GET", path, answer)

    def create(self, path: str, body: Mapping[str, Any]) -> Object:
        """Create an object in a collection."""
        return self._succeed("POST", path, body=body)

    def replace(self, path: str, body: Mapping[str, Any]) -> Object:
        """Replace an object (its resourceVersion must be the live one)."""
        return self._succeed("PUT", path, body=body)

    def merge(self, path: str, patch: Mapping[str, Any]) -> Object:
        """Apply a JSON merge patch: None removes a field."""
        return self._succeed("PATCH", path, body=patch, content_type="application/merge-patch+json")

    def delete(self, path: str) -> bool:
        """Delete an object; False where there was none."""
        answer = self.request("DELETE", path)
        if answer.status == 404:
            return False
        _checked("DELETE", path, answer)
        return True

    def watch(
        self, path: str, query: Mapping[str, str], version: str
    ) -> Iterator[tuple[str, Object]]:
        """Yield (type, object) of each change after ``version``, for at most WATCH_SECONDS.

        Raises WatchExpired when the list must be read again, ProbeFailed when the stream broke.
        """
        wanted = {
            **query,
            "watch": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
            "allowWatchBookmarks": "true",
        }
        try:
            response = self._pool.request(
                "GET",
                self._url(path, wanted),
                headers={"Accept": "application/json"},
                timeout=urllib3.Timeout(connect=REQUEST_LIMIT_SECONDS, read=WATCH_SECONDS + 10),
                preload_content=False,
                retries=False,
            )
            try:
                if response.status != 200:
                    raise WatchExpired(f"HTTP {response.status}")
                yield from _events(response)
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ProbeFailed(f"Watch of {path} broke: {type(error).__name__}: {error}.") from error

    def _succeed(self, method: str, path: str, **arguments: Any) -> Object:
        return _checked(method, path, self.request(method, path, **arguments))

    def _url(self, path: str, query: Mapping[str, str] | None) -> str:
        return f"{self._host}{path}" + (f"?{urlencode(query)}" if query else "")


def _events(response: urllib3.BaseHTTPResponse) -> Iterator[tuple[str, Object]]:
    buffer = b""
    for chunk in response.stream(amt=None, decode_content=True):
        buffer += chunk
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            if not line.strip():
                continue
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise WatchExpired(str(event["object"].get("message", "error event")))
            yield event["type"], event["object"]


def _checked(method: str, path: str, answer: Answer) -> Object:
    if 200 <= answer.status < 300:
        return answer.body
    raise ProbeFailed(
        f"Cluster API {method} {path}: expected success, got HTTP {answer.status}: "
        f"{answer.body.get('message', 'no message')}."
    )


def _decode(data: bytes) -> Object:
    try:
        body = json.loads(data or b"{}")
    except ValueError:
        return {"message": data[:300].decode(errors="replace")}
    return body if isinstance(body, dict) else {"items": body}
