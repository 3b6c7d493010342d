"""DescribeEvents: which of the events that are kept a request asks for; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

# Both APIs: events of the last hour where the request says nothing, of 14 days at most.
DEFAULT_MINUTES = 60
KEPT_DAYS = 14


def select(
    events: Iterable[Mapping[str, Any]], request: Mapping[str, Any], now: datetime
) -> list[dict[str, Any]]:
    """Return the events that ``request`` asks for, oldest first.

    Events are in the shape of the API and have ``Date`` in UTC; the request may have
    SourceIdentifier, SourceType, StartTime, EndTime, Duration (minutes) and EventCategories.
    """
    start, end = window(request, now)
    chosen = []
    for event in events:
        at = aware(event["Date"])
        if not start <= at <= end:
            continue
        if any(
            request.get(field) and str(event.get(field)) != str(request[field])
            for field in ("SourceIdentifier", "SourceType")
        ):
            continue
        wanted = request.get("EventCategories")
        if wanted and not set(wanted) & set(event.get("EventCategories") or ()):
            continue
        chosen.append(dict(event))
    return sorted(chosen, key=lambda event: aware(event["Date"]))


def window(request: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """Return begin and end of the time that a request asks for, both included."""
    end = aware(request["EndTime"]) if request.get("EndTime") else now
    if request.get("StartTime"):
        start = aware(request["StartTime"])
    else:
        start = end - timedelta(minutes=int(request.get("Duration") or DEFAULT_MINUTES))
    return max(start, now - timedelta(days=KEPT_DAYS)), end


def aware(value: object) -> datetime:
    """Return a time of the API with its zone; UTC where it has none."""
    moment = value if isinstance(value, datetime) else _parsed(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parsed(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
