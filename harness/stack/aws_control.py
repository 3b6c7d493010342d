"""The harness's side of the emulator's control routes: wiring, operations and API faults."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import urllib3
import urllib3.exceptions

from harness.awsplane.faults import Rule, parse
from harness.awsplane.fields import Malformed
from harness.awsplane.operations import Operations
from harness.errors import EnvironmentUnavailable, InputInvalid

ROOT = "/_localstack/awsplane"
# The routes answer from memory; the rest is for a busy host.
REQUEST_LIMIT_SECONDS = 10.0


class Control:
    """Client of one emulator; ``url`` is its address, as ``aws.endpoint`` returns it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def version(self) -> str:
        """Return the version of ``harness.awsplane`` that is loaded.

        Raises EnvironmentUnavailable when none is.
        """
        return str(self._call("GET", "")["version"])

    def wired(self) -> dict[str, Any] | None:
        """Return the stack that the emulator was told about, without secrets; None before."""
        found: dict[str, Any] | None = self._call("GET", "/wiring")
        return found

    def wire(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Tell the emulator about the running stack; return what it took, without secrets.

        Raises InputInvalid for a document that it refuses.
        """
        taken: dict[str, Any] = self._call("PUT", "/wiring", document)
        return taken

    def operations(self) -> dict[str, Operations]:
        """Return which operations are real, kept or missing, by service, as it runs."""
        answer = self._call("GET", "/operations")
        return {
            service: Operations(
                real=tuple(groups["real"]),
                kept=tuple(groups["kept"]),
                missing=tuple(groups["missing"]),
            )
            for service, groups in answer.items()
        }

    def faults(self) -> tuple[Rule, ...]:
        """Return the API faults in force, with how many calls each matched and hit."""
        return tuple(Rule(**rule) for rule in self._call("GET", "/faults"))

    def set_faults(self, rules: Sequence[Rule]) -> tuple[Rule, ...]:
        """Put ``rules`` in force in place of all others, with their counters at 0.

        Raises InputInvalid with every problem of the rules; nothing is changed then.
        """
        document = [rule.as_json() for rule in rules]
        try:
            parse(document)
        except Malformed as error:
            raise InputInvalid(error.problems) from error
        return tuple(Rule(**rule) for rule in self._call("PUT", "/faults", document))

    def clear_faults(self) -> tuple[Rule, ...]:
        """Take all faults out of force; return what they were and what they hit."""
        return tuple(Rule(**rule) for rule in self._call("DELETE", "/faults"))

    def _call(self, method: str, path: str, document: object = None) -> Any:
        url = self._url + ROOT + path
        body = None if document is None else json.dumps(document)
        try:
            # urllib3 reads no proxy settings, so that the request goes to the container itself.
            with urllib3.PoolManager(retries=False) as pool:
                answer = pool.request(method, url, body=body, timeout=REQUEST_LIMIT_SECONDS)
                said = json.loads(answer.data)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise EnvironmentUnavailable(
                f"{method} {url}: expected JSON of the emulator's own providers, got {error}. "
                "Next step: python -m harness up"
            ) from error
        if answer.status == 400 and isinstance(said, dict) and said.get("problems"):
            raise InputInvalid([str(problem) for problem in said["problems"]])
        if answer.status != 200:
            raise EnvironmentUnavailable(
                f"{method} {url}: expected HTTP 200, got {answer.status}: {str(said)[:200]}. "
                "Next step: python -m harness up"
            )
        return said
