"""The control routes below ``/_localstack/awsplane`` for the harness; JSON in and out.

``GET`` says what is loaded; ``wiring`` takes (PUT) and shows (GET, without secrets) the running
stack; ``operations`` lists what is real, kept and missing; ``faults`` lists (GET), sets (PUT) and
clears (DELETE) the API faults. A malformed document is answered with 400 and all its problems,
and changes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from localstack.http import Response

from . import dispatch, faults, wiring
from .binding import Binding
from .fields import Malformed

ROOT = "/_localstack/awsplane"


class Control:
    """Answers the control routes."""

    def __init__(self, binding: Binding, in_force: faults.Faults) -> None:
        self._binding = binding
        self._faults = in_force

    def register(self, router: Any) -> None:
        """Add the routes to LocalStack's router of internal resources."""
        routes: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("", "GET"): self.about,
            ("/wiring", "GET"): self.show_wiring,
            ("/wiring", "PUT"): self.set_wiring,
            ("/operations", "GET"): self.operations,
            ("/faults", "GET"): self.list_faults,
            ("/faults", "PUT"): self.set_faults,
            ("/faults", "DELETE"): self.clear_faults,
        }
        for (path, method), answer in routes.items():
            router.add(ROOT + path, _json(answer), methods=[method])

    def about(self, request: Any) -> Any:
        """Say which version of this package is loaded and whether the stack is wired."""
        return {
            "version": os.environ.get("AWSPLANE_VERSION", ""),
            "wired": self._binding.current is not None,
            "services": sorted(dispatch.PLANS),
        }

    def show_wiring(self, request: Any) -> Any:
        """Return the wiring without its secrets; null before there is one."""
        current = self._binding.current
        return None if current is None else wiring.public_view(current)

    def set_wiring(self, request: Any) -> Any:
        """Take the running stack's addresses and credentials."""
        taken = wiring.parse(_body(request))
        self._binding.wire(taken)
        return wiring.public_view(taken)

    def operations(self, request: Any) -> Any:
        """Return each service's operations by group, read from what is loaded."""
        return {
            name: dispatch.operations(plan).as_json()
            for name, plan in sorted(dispatch.PLANS.items())
        }

    def list_faults(self, request: Any) -> Any:
        """Return the faults in force with their counters."""
        return [rule.as_json() for rule in self._faults.list()]

    def set_faults(self, request: Any) -> Any:
        """Put the given faults in force in place of all others."""
        self._faults.set(faults.parse(_body(request)))
        return self.list_faults(request)

    def clear_faults(self, request: Any) -> Any:
        """Take all faults out of force; answer with what they were and what they hit."""
        last = self.list_faults(request)
        self._faults.set(())
        return last


def _body(request: Any) -> Any:
    try:
        return json.loads(request.get_data())
    except ValueError as error:
        raise Malformed([f"body: expected JSON, got {error}"]) from error


def _json(answer: Callable[[Any], Any]) -> Callable[..., Any]:
    def respond(request: Any, **_: Any) -> Any:
        try:
            document, status = answer(request), 200
        except Malformed as error:
            document, status = {"problems": list(error.problems)}, 400
        return Response(json.dumps(document), status, mimetype="application/json")

    return respond
