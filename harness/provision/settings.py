"""What surrounds a run of Terraform: its environment, home and CLI configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from harness.provision.workspace import Workspace
from harness.stack import layout

# What a person's shell may have set for other runs: set to nothing, which Terraform takes as unset.
_CLEARED = ("TF_CLI_ARGS", "TF_DATA_DIR", "TF_WORKSPACE", "TF_REATTACH_PROVIDERS", "TF_LOG_PATH")
# No answer means no account: the stand-in then answers from what it knows by itself.
OFFLINE_ENDPOINT = "http://127.0.0.1:9"


def write_cli_configuration(workspace: Workspace, installation: str) -> Path:
    """Write the run's own CLI configuration and return its path."""
    path = workspace.folder / "terraform.rc"
    path.write_text(f"disable_checkpoint = true\n{installation}")
    return path


def environment(
    workspace: Workspace, cli_configuration: Path, endpoint: str, extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of a run, on top of an environment without credentials.

    A proxy may serve for fetching providers; the emulator is reached without one.
    """
    direct = f"localhost,127.0.0.1,::1,{urlsplit(endpoint).hostname}"
    leftover = [name for name in os.environ if name.startswith("TF_CLI_ARGS_")]
    return {
        **dict.fromkeys([*_CLEARED, *leftover], ""),
        "HOME": str(workspace.home),
        "TF_CLI_CONFIG_FILE": str(cli_configuration),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_PLUGIN_CACHE_DIR": "",
        "CHECKPOINT_DISABLE": "1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": layout.REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": direct,
        "no_proxy": direct,
        **extra,
    }
