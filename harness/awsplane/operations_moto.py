"""Which operations of a service moto has, read from the moto that is loaded."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from functools import lru_cache

from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores


@lru_cache
def _methods(service: str) -> frozenset[str]:
    """Return the public methods of moto's response classes for the service.

    Most services have one class in ``responses``; some have a package of them.
    """
    module = importlib.import_module(f"moto.{service}.responses")
    modules = [module]
    if hasattr(module, "__path__"):
        modules += [
            importlib.import_module(f"{module.__name__}.{found.name}")
            for found in pkgutil.iter_modules(module.__path__)
        ]
    inherited = set(dir(BaseResponse))
    names: set[str] = set()
    for source in modules:
        for _, kind in inspect.getmembers(source, inspect.isclass):
            if issubclass(kind, BaseResponse):
                names |= {name for name in dir(kind) if name not in inherited}
    return frozenset(names)


def implemented_by_moto(service: str, operations: Sequence[str]) -> set[str]:
    """Return the operations for which moto has a method of the right name."""
    methods = _methods(service)
    return {name for name in operations if camelcase_to_underscores(name) in methods}
