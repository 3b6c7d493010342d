"""The provider process that Terraform starts: ``python -m harness.provision.standin``.

Takes from its environment HARNESS_STANDIN_SCHEMA (file with the schemas to serve),
HARNESS_STANDIN_ENDPOINT (the emulator), HARNESS_STANDIN_VERSION (what the schemas are of),
HARNESS_STANDIN_JOURNAL and HARNESS_STANDIN_STATE (what earlier runs made, and what is known of it),
HARNESS_STANDIN_ALIVE (a file that is locked while a provider of this configuration lives) and
HARNESS_STANDIN_NETWORK (prefix of the stack's own addresses).
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import tf.provider
from tf import runner

from harness import safety
from harness.provision.standin.afterlife import Afterlife
from harness.provision.standin.journal import Journal
from harness.provision.standin.mappings import TYPES
from harness.provision.standin.servicer import Servicer
from harness.stack.layout import Layout


class _Address:
    """What the runner asks of a provider: its name, and only in development mode."""

    def full_name(self) -> str:
        return "hashicorp/aws"


def main() -> None:
    """Serve until Terraform says stop."""
    # Ctrl-C is for Terraform, which then lets calls under way end; a provider that died would
    # leave what it was making unrecorded.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    endpoint = os.environ["HARNESS_STANDIN_ENDPOINT"]
    addresses = Layout(os.environ["HARNESS_STANDIN_NETWORK"])
    safety.refuse_foreign_endpoint(endpoint, addresses=addresses)
    afterlife = Afterlife(Path(os.environ["HARNESS_STANDIN_ALIVE"]))
    afterlife.begin()
    servicer = Servicer(
        json.loads(Path(os.environ["HARNESS_STANDIN_SCHEMA"]).read_text()),
        TYPES,
        endpoint=endpoint,
        version=os.environ["HARNESS_STANDIN_VERSION"],
        journal=Journal(
            Path(os.environ["HARNESS_STANDIN_JOURNAL"]), Path(os.environ["HARNESS_STANDIN_STATE"])
        ),
        afterlife=afterlife,
    )
    # The runner makes its own servicer from its own schema classes, which cannot express AWS's
    # types; only its handshake is used.
    tf.provider.ProviderServicer = lambda provider: servicer
    runner.run_provider(_Address(), sys.argv)


if __name__ == "__main__":
    main()
