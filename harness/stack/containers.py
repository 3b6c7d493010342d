"""Starting, finding and removing the stack's containers, all by label."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker.errors
from docker.models.containers import Container
from docker.types import EndpointConfig
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from harness.stack import layout
from harness.stack.context import Context

# The stack outlives the process that started it; leftovers are removed by label instead of by
# testcontainers' reaper, whose image cannot be pulled everywhere.
testcontainers_config.ryuk_disabled = True

_API_VERSION = "1.41"
_SETTINGS_LABEL = "org.smart-dairy.harness.settings"
STOP_LIMIT_SECONDS = 5


@dataclass(frozen=True)
class ContainerSpec:
    """One container at its fixed address; ``image`` is a name of the image manifest."""

    name: str
    image: str
    part: str
    command: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[Path, str] = field(default_factory=dict)  # host path -> path, read-only
    memory: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)  # further docker create arguments


def ensure(context: Context, spec: ContainerSpec) -> Container:
    """Return the running container of ``spec``, creating or starting it as needed.

    A container of the same name with another image (an older build) is replaced.
    """
    reference = context.images[spec.image]
    found = find(context, spec.name)
    if found is not None:
        if is_current(context, spec, found):
            if found.status == "paused":
                found.unpause()
            if found.status != "running":
                found.start()
            return found
        found.remove(force=True, v=True)
    address = context.layout.address(spec.name)
    container = DockerContainer(reference).with_name(spec.name)
    if spec.command is not None:
        container = container.with_command(list(spec.command))
    for name, value in spec.environment.items():
        container = container.with_env(name, value)
    for host, inside in spec.mounts.items():
        container = container.with_volume_mapping(str(host), inside, "ro")
    labels = {
        layout.STACK_LABEL: "smart-dairy",
        layout.RUN_LABEL: context.run,
        layout.PART_LABEL: spec.part,
        layout.ZONE_LABEL: context.layout.zone(spec.name) or "provider",
        _SETTINGS_LABEL: spec_key(spec),
    }
    arguments: dict[str, Any] = {
        "network": layout.NETWORK,
        "networking_config": {layout.NETWORK: EndpointConfig(_API_VERSION, ipv4_address=address)},
        "hostname": spec.name,
        "labels": labels,
        "dns": [context.layout.address(layout.RESOLVER)],
        **spec.options,
    }
    if spec.memory is not None:
        arguments["mem_limit"] = spec.memory
    container.with_kwargs(**arguments).start()
    started = find(context, spec.name)
    assert started is not None
    return started


def is_current(context: Context, spec: ContainerSpec, found: Container | None) -> bool:
    """Say whether ``found`` is of the image and settings of ``spec``; ``ensure`` keeps it then."""
    if found is None or found.image is None:
        return False
    wanted = context.engine.images.get(context.images[spec.image]).id
    return found.image.id == wanted and _settings(found) == spec_key(spec)


def spec_key(spec: ContainerSpec) -> str:
    """Return a short digest of everything in ``spec`` that a running container cannot change."""
    text = json.dumps(
        [
            list(spec.command or []),
            dict(spec.environment),
            {str(k): v for k, v in spec.mounts.items()},
            spec.memory,
            {k: repr(v) for k, v in spec.options.items()},
        ],
        sort_keys=True,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _settings(container: Container) -> str:
    return str(container.labels.get(_SETTINGS_LABEL, ""))


def find(context: Context, name: str) -> Container | None:
    """Return the container of that name, freshly inspected, or None."""
    try:
        return context.engine.containers.get(name)
    except docker.errors.NotFound:
        return None


def resume(context: Context, names: Sequence[str]) -> None:
    """Start or unpause those of the named containers that exist and do not run."""
    for name in names:
        container = find(context, name)
        if container is None:
            continue
        if container.status == "paused":
            container.unpause()
        elif container.status != "running":
            container.start()


def remove(context: Context, names: Sequence[str]) -> list[str]:
    """Remove containers (with their anonymous volumes) by name and return those removed."""
    removed = []
    for name in names:
        container = find(context, name)
        if container is not None:
            container.remove(force=True, v=True)
            removed.append(name)
    return removed


def execute(container: Container, argv: Sequence[str], *, user: str = "") -> tuple[int, str]:
    """Run a command in a container and return its exit code and combined output."""
    code, output = container.exec_run(list(argv), user=user)
    text = output.decode(errors="replace") if isinstance(output, bytes) else ""
    return int(code or 0), text


def state(context: Context, name: str) -> str:
    """Return the engine's word for the container's state, or ``absent``."""
    container = find(context, name)
    return "absent" if container is None else str(container.status)
