"""The only AWS clients of the harness.

``isolated_client`` is the one place that makes an AWS client. It knows the emulator's address and
dummy keys and nothing else: no environment, profile, shared file or instance metadata is looked
at, and a request to any other host is refused before it is sent.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.configprovider
import botocore.session
from botocore.config import Config

from harness.errors import RefusedForSafety

DUMMY_KEY = "test"

_SESSION_VARIABLES = botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES


def isolated_client(url: str, service: str, region: str) -> Any:
    """Return a client that reads nothing from its surroundings and reaches only ``url``."""
    variables = {
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in _SESSION_VARIABLES.items()
    }
    for name in ("config_file", "credentials_file"):
        variables[name] = (None, None, os.devnull, None)
    session = boto3.session.Session(
        botocore_session=botocore.session.Session(session_vars=variables),
        aws_access_key_id=DUMMY_KEY,
        aws_secret_access_key=DUMMY_KEY,
        region_name=region,
    )
    made = session.client(
        service,
        endpoint_url=url,
        config=Config(
            proxies={},
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 3, "mode": "standard"},
            s3={"addressing_style": "path"},
        ),
    )
    expected = urlsplit(url).netloc

    def refuse_other_hosts(request: Any, **_: object) -> None:
        # botocore follows S3 redirects and adds host prefixes on its own.
        got = urlsplit(request.url).netloc
        if got != expected:
            raise RefusedForSafety(
                f"AWS request refused: expected the emulator at {expected}, got {got}."
            )

    made.meta.events.register("before-send", refuse_other_hosts)
    return made
