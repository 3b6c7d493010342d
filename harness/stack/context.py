"""What every part of the stack needs to know to come up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import docker

from harness.stack.credentials import Credentials
from harness.stack.folders import Folders
from harness.stack.layout import Layout

Report = Callable[[str], None]


@dataclass(frozen=True)
class Context:
    """The engine, the run's id, addresses, folders, credentials and built image references.

    ``images`` maps a name of the image manifest to the reference that the engine knows.
    ``report`` takes one line of progress for the person who waits. ``seeded`` says that the
    emulated account holds the document's resources from the start; else it is left empty for
    Terraform.
    """

    engine: docker.DockerClient
    run: str
    layout: Layout
    folders: Folders
    credentials: Credentials
    images: Mapping[str, str]
    report: Report = print
    seeded: bool = True
