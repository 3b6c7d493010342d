"""Where moto's RDS does not fit this emulator, put right once when the service is loaded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from moto.rds import models, utils

_overlap_seconds = utils.get_overlap_between_two_date_ranges


def _overlap_of_adjacent_windows(
    start_time_1: datetime, end_time_1: datetime, start_time_2: datetime, end_time_2: datetime
) -> int:
    # moto refuses an overlap of 0 s or more, but AWS takes a maintenance window that begins
    # when the backup window ends, and the document has one.
    return int(_overlap_seconds(start_time_1, end_time_1, start_time_2, end_time_2)) - 1


def _key_of_master_secret(secret: Any) -> str:
    # moto looks keys up in its own KMS, which is empty here: LocalStack has one of its own.
    given = str(secret.secret.kms_key_id)
    if given.startswith("arn:"):
        return given
    resource = given if given.startswith("alias/") else f"key/{given}"
    backend = secret.resource.backend
    return f"arn:{backend.partition}:kms:{backend.region_name}:{backend.account_id}:{resource}"


def fit() -> None:
    """Put moto right; may be called again."""
    utils.get_overlap_between_two_date_ranges = _overlap_of_adjacent_windows
    models.MasterUserSecret.kms_key_id = property(_key_of_master_secret)  # type: ignore[assignment, method-assign]
