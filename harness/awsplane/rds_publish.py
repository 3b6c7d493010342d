"""Publishing an RDS event: to DescribeEvents, EventBridge and the topics of subscriptions."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to
from moto.rds.models import Event as MotoEvent
from moto.rds.models import rds_backends

from . import rds_events

LOG = logging.getLogger("awsplane")

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
        arn, identifier, now = str(instance.arn), self._identifier, datetime.now(UTC)
        self._to_bridge(arn, rds_events.detail(event, arn=arn, identifier=identifier, at=now))
        message = rds_events.notification(event, arn=arn, identifier=identifier, at=now)
        for topic in self._topics(event):
            self._to_topic(topic, message)
        return True

    def _to_bridge(self, arn: str, detail: dict[str, Any]) -> None:
        self._client("events").put_events(
            Entries=[
                {
                    "Source": "aws.rds",
                    "DetailType": "RDS DB Instance Event",
                    "Resources": [arn],
                    "Detail": json.dumps(detail),
                }
            ]
        )

    def _to_topic(self, topic: str, message: dict[str, str]) -> None:
        try:
            self._client("sns").publish(
                TopicArn=topic, Subject="RDS Notification Message", Message=json.dumps(message)
            )
        except ClientError as error:
            # A topic that is gone must not keep the others from the event.
            LOG.warning("an event of %s did not reach %s: %s", self._identifier, topic, error)

    def _topics(self, event: rds_events.Event) -> list[str]:
        kept = rds_backends[self._account][self._region].event_subscriptions.values()
        return [
            str(subscription.sns_topic_arn)
            for subscription in kept
            if rds_events.subscribed(
                event,
                self._identifier,
                enabled=bool(subscription.enabled),
                source_type=subscription.source_type,
                categories=subscription.event_categories or [],
                source_ids=subscription.source_ids or [],
            )
        ]

    def _client(self, service: str) -> Any:
        factory = connect_to(region_name=self._region, aws_access_key_id=self._account)
        return getattr(factory, service)

    def _instance(self) -> Any:
        return rds_backends[self._account][self._region].databases.get(self._identifier)
