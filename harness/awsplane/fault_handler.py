"""Puts the faults in force before LocalStack's own providers, for every service."""

from __future__ import annotations

from typing import Any

from .dispatch import raise_refusal
from .faults import Call, Faults
from .polling import pause


class FaultHandler:
    """A link of LocalStack's request chain: runs once the operation is known, before it acts."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def __call__(self, chain: Any, context: Any, response: Any) -> None:
        """Delay or refuse the call as the faults say; the emulator's own calls are spared."""
        if not context.service or not context.operation or context.is_internal_call:
            return
        effect = self._faults.apply(
            Call(context.service.service_name, context.operation.name, context.region or "")
        )
        pause(effect.seconds)
        raise_refusal(effect.refusal)
