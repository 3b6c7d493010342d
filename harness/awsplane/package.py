"""This package as a Python distribution: what is copied, and the entry points LocalStack reads.

Pure but for reading its own source files. LocalStack finds providers by the entry points of any
``*.dist-info`` on ``sys.path``; a folder with the package beside such metadata is enough.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

NAME = "awsplane"

# Service -> the provider's name; the attributes stand in ``plugins``. LocalStack has a DynamoDB
# of its own, which needs Java; PROVIDER_OVERRIDE_DYNAMODB=moto chooses ours.
PROVIDERS = {
    "autoscaling": "default",
    "cloudfront": "default",
    "dynamodb": "moto",
    "dynamodbstreams": "moto",
    "ecr": "default",
    "eks": "default",
    "elasticache": "default",
    "elbv2": "default",
    "rds": "default",
}


def files() -> dict[str, str]:
    """Return the distribution's files by path below the folder that goes on ``sys.path``."""
    sources = {
        f"{NAME}/{path.name}": path.read_text(encoding="utf-8")
        for path in sorted(Path(__file__).parent.glob("*.py"))
    }
    short = digest(sources)[:12]
    metadata = f"{NAME}-0+{short}.dist-info"
    return {
        **sources,
        f"{metadata}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 0+{short}\n",
        f"{metadata}/RECORD": "",
        f"{metadata}/entry_points.txt": entry_points(),
    }


def entry_points() -> str:
    """Return the entry points, in the format of Python's packaging."""
    providers = [
        f"{service}:{name} = {NAME}.plugins:{service}" for service, name in PROVIDERS.items()
    ]
    return "\n".join(
        [
            "[localstack.aws.provider]",
            *providers,
            "",
            "[localstack.hooks.on_infra_start]",
            f"{NAME} = {NAME}.plugins:start",
            "",
        ]
    )


def digest(content: dict[str, str]) -> str:
    """Return the digest of a set of files."""
    summed = hashlib.sha256()
    for path, text in sorted(content.items()):
        summed.update(f"{path}\0{len(text)}\0{text}".encode())
    return summed.hexdigest()
