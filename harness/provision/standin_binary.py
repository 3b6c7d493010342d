"""The file that Terraform takes for the provider's binary, and how its traces are known again.

It names neither paths nor versions of this machine, so it is the same everywhere and the hash that
Terraform writes into a lock file gives the stand-in away.
"""

from __future__ import annotations

import base64
import hashlib

SCHEMA_VERSION = "6.25.0"
"""The version of hashicorp/aws that the schemas of the pinned package were generated from."""
PYTHON_VARIABLE = "HARNESS_STANDIN_PYTHON"
FILE = f"terraform-provider-aws_v{SCHEMA_VERSION}"
SCRIPT = f'#!/bin/sh\nexec "${PYTHON_VARIABLE}" -m harness.provision.standin "$@"\n'


def lock_hash() -> str:
    """Return the hash of the stand-in's package as lock files have it (scheme ``h1``)."""
    inner = hashlib.sha256(SCRIPT.encode()).hexdigest()
    summary = hashlib.sha256(f"{inner}  {FILE}\n".encode()).digest()
    return "h1:" + base64.b64encode(summary).decode()
