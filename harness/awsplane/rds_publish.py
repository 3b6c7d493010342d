"""Publishing an RDS event: DescribeEvents has it then, and EventBridge delivers it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from localstack.aws.connect import connect_to
from moto.rds.models import Event as MotoEvent
from moto.rds.models import rds_backends

from . import rds_events

MotoEvent.EVENT_MAP.update(
    {
        event.id: {"Categories": list(event.categories), "Message": event.message}
        for event in rds_events.CATALOGUE.values()
    }
)


class Publisher:
    """Publishes events of one DB instance of one account and region."""

    def __init__(self, account: str, region: str, identifier: str) -> None:
        self._account = account
        self._region = region
        self._identifier = identifier

    def publish(self, event_id: str) -> bool:
        """Publish one event of the catalogue; False when there is no such instance."""
        instance = self._instance()
        if instance is None:
            return False
        event = rds_events.CATALOGUE[event_id]
        instance.add_event(event_id)
        detail = rds_events.detail(
            event, arn=instance.arn, identifier=instance.resource_id, at=datetime.now(UTC)
        )
        bridge = connect_to(region_name=self._region, aws_access_key_id=self._account).events
        bridge.put_events(
            Entries=[
                {
                    "Source": "aws.rds",
                    "DetailType": "RDS DB Instance Event",
                    "Resources": [instance.arn],
                    "Detail": json.dumps(detail),
                }
            ]
        )
        return True

    def _instance(self) -> Any:
        return rds_backends[self._account][self._region].databases.get(self._identifier)
