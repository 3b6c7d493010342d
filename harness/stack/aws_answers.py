"""Small readings of AWS answers that every kind of resource needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError


def absent(call: Callable[[], Any], *codes: str) -> Any:
    """Return what ``call`` returns, or None where AWS answers with one of ``codes``."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[Any]:
    """Return ``tags`` as AWS takes them; the field names differ between services."""
    return [{key: name, value: text} for name, text in tags.items()]


def tags_of(listed: list[Any], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Return a listed answer of AWS as a plain mapping."""
    return {tag[key]: tag[value] for tag in listed}
