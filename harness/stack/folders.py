"""Where the harness keeps things: one cache folder, outside git."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
EXPERIMENTS = REPOSITORY / "experiments"
INFRA = REPOSITORY / "infra"
FIXTURES = REPOSITORY / "fixtures"


@dataclass(frozen=True)
class Folders:
    """The cache (kept between runs) and the state (of the stack that is up)."""

    cache: Path

    @property
    def state(self) -> Path:
        """Return the folder with kubeconfig, credentials, lock and undo log of the stack."""
        return self.cache / "state"

    @property
    def kubeconfig(self) -> Path:
        """Return the harness's own kubeconfig, the only one that is ever used."""
        return self.state / "kubeconfig"

    @property
    def bin(self) -> Path:
        """Return the folder with programs that the harness built for itself."""
        return self.cache / "bin"


def folders() -> Folders:
    """Return the folders named by HARNESS_CACHE, else those in the user's cache folder."""
    named = os.environ.get("HARNESS_CACHE")
    if named:
        return Folders(Path(named).expanduser().resolve())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Folders(home / "smart-dairy-harness")
