"""The AWS services of the harness on the running stack: what they answer is what is there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from harness import commands
from harness.awsplane import rds_events, wiring
from harness.awsplane.faults import Rule
from harness.awsplane.patroni import Patroni, Unreachable
from harness.polling import wait_until
from harness.stack import aws, aws_plane, cache, cluster, containers, database, layout, resolver
from harness.stack.aws_control import Control
from harness.stack.context import Context

pytestmark = pytest.mark.integration

WHOLE_LIMIT_SECONDS = 120
FAILOVER_LIMIT_SECONDS = 120
ACTIVE_NODE_GROUP = "0001"


@pytest.fixture(scope="module", autouse=True)
def plane(stack: Context) -> Iterator[None]:
    """The emulator wired to the stack, whatever an earlier test did to its container."""
    aws_plane.up(stack)
    yield
    Control(aws.endpoint(stack)).clear_faults()


@pytest.fixture
def patroni(stack: Context) -> Patroni:
    return Patroni(wiring.parse(aws_plane.wiring(stack)).database)


@pytest.fixture
def settled(stack: Context) -> Context:
    """The stack with all servers in their roles."""

    def ready() -> bool:
        return not database.replication_problems(
            database.members(stack)
        ) and not cache.group_problems(cache.sentinel_views(stack))

    wait_until(ready, what="whole databases and caches", limit_seconds=WHOLE_LIMIT_SECONDS)
    return stack


@pytest.fixture
def cool(settled: Context, patroni: Patroni) -> Context:
    """The settled stack once no failover is within the cool-down."""

    def over() -> bool:
        last = patroni.last_promotion()
        # A failover over the API ends a few seconds after its promotion.
        cooled = timedelta(seconds=aws_plane.COOLDOWN_SECONDS + 10)
        return last is None or datetime.now(UTC) - last > cooled

    wait_until(
        over,
        what="the end of the cool-down",
        limit_seconds=WHOLE_LIMIT_SECONDS,
        ignore=(Unreachable,),
    )
    return settled


@pytest.fixture
def stock(stack: Context, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What chaostoolkit-aws needs to reach the emulator and nothing else."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint(stack))
    monkeypatch.setenv("NO_PROXY", "*")
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return {"configuration": {"aws_region": layout.REGION}, "secrets": keys}


def _instance(stack: Context, identifier: str = aws_plane.PRIMARY) -> dict[str, Any]:
    client = aws.client(stack, "rds")
    found: list[dict[str, Any]] = client.describe_db_instances(DBInstanceIdentifier=identifier)[
        "DBInstances"
    ]
    return found[0]


def _wait_available(stack: Context) -> None:
    wait_until(
        lambda: _instance(stack)["DBInstanceStatus"] == "available",
        what="the instance to be available again",
        limit_seconds=FAILOVER_LIMIT_SECONDS,
    )


def _cache_primary(stack: Context) -> str:
    """Return the cache cluster id that the API shows as primary."""
    groups = aws.client(stack, "elasticache").describe_replication_groups(
        ReplicationGroupId=cache.GROUP
    )["ReplicationGroups"]
    members = groups[0]["NodeGroups"][0]["NodeGroupMembers"]
    [primary] = [m["CacheClusterId"] for m in members if m["CurrentRole"] == "primary"]
    return str(primary)


@pytest.mark.parametrize(
    ("service", "method"),
    [
        ("autoscaling", "describe_auto_scaling_groups"),
        ("cloudfront", "list_distributions"),
        ("dynamodb", "list_tables"),
        ("dynamodbstreams", "list_streams"),
        ("ecr", "describe_repositories"),
        ("eks", "list_clusters"),
        ("elasticache", "describe_replication_groups"),
        ("elbv2", "describe_load_balancers"),
        ("rds", "describe_db_instances"),
    ],
)
def test_each_service_answers(stack: Context, service: str, method: str) -> None:
    answer = getattr(aws.client(stack, service), method)()

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_the_instances_are_the_real_servers(settled: Context) -> None:
    primary, replica = _instance(settled), _instance(settled, aws_plane.REPLICA)
    members = {member.role: member.name for member in database.members(settled)}

    assert primary["Endpoint"]["Address"] == layout.DATABASE_PRIMARY_NAME
    assert primary["Endpoint"]["Port"] == database.PORT
    assert primary["DBInstanceStatus"] == "available"
    assert primary["AvailabilityZone"] == settled.layout.zone(members["leader"])
    assert primary["SecondaryAvailabilityZone"] == settled.layout.zone(members["sync_standby"])
    assert replica["Endpoint"]["Address"] == layout.DATABASE_REPLICA_NAME
    assert replica["AvailabilityZone"] == settled.layout.zone(layout.REPLICA)
    assert replica["StatusInfos"][0]["Status"] == "replicating"
    assert replica["ReadReplicaSourceDBInstanceIdentifier"] == aws_plane.PRIMARY


@pytest.fixture
def inbox(stack: Context) -> Iterator[list[dict[str, Any]]]:
    """What EventBridge delivers of RDS to a queue; the list grows when ``_receive`` is called."""
    events, queues = aws.client(stack, "events"), aws.client(stack, "sqs")
    url = queues.create_queue(QueueName="awsplane-test")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    events.put_rule(Name="awsplane-test", EventPattern=json.dumps({"source": ["aws.rds"]}))
    events.put_targets(Rule="awsplane-test", Targets=[{"Id": "queue", "Arn": arn}])
    yield []
    events.remove_targets(Rule="awsplane-test", Ids=["queue"])
    events.delete_rule(Name="awsplane-test")
    queues.delete_queue(QueueUrl=url)


def _receive(stack: Context, inbox: list[dict[str, Any]]) -> list[str]:
    """Return the event ids delivered so far, in the order of their dates."""
    client = aws.client(stack, "sqs")
    url = client.get_queue_url(QueueName="awsplane-test")["QueueUrl"]
    for message in client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
    ).get("Messages", []):
        inbox.append(json.loads(message["Body"]))
        client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [e["detail"]["EventID"] for e in sorted(inbox, key=lambda e: str(e["detail"]["Date"]))]


def test_a_forced_failover_moves_the_real_primary_and_is_told_by_events(
    cool: Context, patroni: Patroni, inbox: list[dict[str, Any]]
) -> None:
    client = aws.client(cool, "rds")
    before, shown = patroni.view(), _instance(cool)

    answer = client.reboot_db_instance(DBInstanceIdentifier=aws_plane.PRIMARY, ForceFailover=True)
    with pytest.raises(ClientError) as while_rebooting:
        client.reboot_db_instance(DBInstanceIdentifier=aws_plane.PRIMARY)
    _wait_available(cool)
    after = patroni.view()

    assert answer["DBInstance"]["DBInstanceStatus"] == "rebooting"
    assert while_rebooting.value.response["Error"]["Code"] == "InvalidDBInstanceState"
    assert rds_events.promoted(before, after)
    assert after.leader is not None
    address = cool.layout.address(after.leader.name)
    assert resolver.resolve(cool, layout.DATABASE_PRIMARY_NAME) == address
    moved = _instance(cool)
    assert moved["AvailabilityZone"] == shown["SecondaryAvailabilityZone"]
    assert moved["AvailabilityZone"] == cool.layout.zone(after.leader.name)
    expected = set(rds_events.FAILOVER_SEQUENCE)
    wait_until(
        lambda: expected <= set(_receive(cool, inbox)),
        what=f"EventBridge to deliver {', '.join(sorted(expected))}",
        limit_seconds=20,
    )
    assert inbox[0]["detail-type"] == "RDS DB Instance Event"
    assert inbox[0]["detail"]["SourceIdentifier"] == aws_plane.PRIMARY
    described = client.describe_events(
        SourceType="db-instance", SourceIdentifier=aws_plane.PRIMARY, EventCategories=["failover"]
    )["Events"]
    wanted = [rds_events.CATALOGUE[event].message for event in rds_events.FAILOVER_SEQUENCE]
    assert [event["Message"] for event in described][-len(wanted) :] == wanted

    # Too soon after the first: taken, but abandoned, and told by an event.
    client.reboot_db_instance(DBInstanceIdentifier=aws_plane.PRIMARY, ForceFailover=True)
    wait_until(
        lambda: rds_events.ABANDONED in _receive(cool, inbox),
        what="EventBridge to deliver the abandoned failover",
        limit_seconds=20,
    )
    leader = patroni.view().leader
    assert leader is not None
    assert leader.name == after.leader.name


def test_an_instance_that_is_not_multi_az_is_not_failed_over(settled: Context) -> None:
    with pytest.raises(ClientError) as refusal:
        aws.client(settled, "rds").reboot_db_instance(
            DBInstanceIdentifier=aws_plane.REPLICA, ForceFailover=True
        )

    assert refusal.value.response["Error"]["Code"] == "InvalidParameterCombination"


def test_a_failover_that_nobody_asked_for_over_the_api_is_told_as_well(
    settled: Context, patroni: Patroni, inbox: list[dict[str, Any]]
) -> None:
    before = patroni.view()
    assert before.synchronous is not None

    patroni.fail_over(before.synchronous.name)

    expected = set(rds_events.FAILOVER_SEQUENCE)
    wait_until(
        lambda: expected <= set(_receive(settled, inbox)),
        what=f"EventBridge to deliver {', '.join(sorted(expected))}",
        limit_seconds=FAILOVER_LIMIT_SECONDS,
    )
    assert rds_events.promoted(before, patroni.view())
    assert len(inbox) == len(expected)


@pytest.fixture
def database_cluster(stack: Context) -> Iterator[str]:
    """A Multi-AZ DB cluster of the name behind which the real servers stand."""
    client = aws.client(stack, "rds")
    client.create_db_cluster(
        DBClusterIdentifier=aws_plane.PRIMARY,
        Engine="postgres",
        EngineVersion="16.4",
        DBClusterInstanceClass="db.r6gd.2xlarge",
        StorageType="io1",
        AllocatedStorage=500,
        Iops=5000,
        MasterUsername="odoo",
        ManageMasterUserPassword=True,
    )
    yield aws_plane.PRIMARY
    client.delete_db_cluster(DBClusterIdentifier=aws_plane.PRIMARY, SkipFinalSnapshot=True)


def test_a_failover_of_the_cluster_moves_the_real_writer(
    settled: Context, patroni: Patroni, inbox: list[dict[str, Any]], database_cluster: str
) -> None:
    client = aws.client(settled, "rds")
    before = patroni.view()

    def writer() -> tuple[str, str]:
        [shown] = client.describe_db_clusters(DBClusterIdentifier=database_cluster)["DBClusters"]
        [name] = [
            m["DBInstanceIdentifier"] for m in shown["DBClusterMembers"] if m["IsClusterWriter"]
        ]
        return name, shown["Status"]

    first, status = writer()
    answer = client.failover_db_cluster(DBClusterIdentifier=database_cluster)
    wait_until(
        lambda: {"RDS-EVENT-0073", "RDS-EVENT-0071"} <= set(_receive(settled, inbox)),
        what="EventBridge to deliver begin and end of the cluster's failover",
        limit_seconds=FAILOVER_LIMIT_SECONDS,
    )
    wait_until(
        lambda: writer()[1] == "available",
        what="the cluster to be available again",
        limit_seconds=FAILOVER_LIMIT_SECONDS,
    )
    second, _ = writer()

    assert status == "available"
    assert answer["DBCluster"]["Status"] == "failing-over"
    assert first != second
    assert rds_events.promoted(before, patroni.view())
    assert answer["DBCluster"]["Endpoint"] == layout.DATABASE_PRIMARY_NAME
    [told] = [e for e in inbox if e["detail"]["EventID"] == "RDS-EVENT-0071"]
    assert told["detail-type"] == "RDS DB Cluster Event"
    assert told["detail"]["Message"] == f"Completed failover to DB instance: {second}"


def test_a_reboot_without_failover_restarts_the_real_server(
    settled: Context, patroni: Patroni
) -> None:
    before = patroni.view()
    assert before.leader is not None
    started = patroni.started(before.leader.name)

    aws.client(settled, "rds").reboot_db_instance(DBInstanceIdentifier=aws_plane.PRIMARY)
    _wait_available(settled)

    after = patroni.view()
    assert after.leader is not None
    assert after.leader.name == before.leader.name
    assert patroni.started(before.leader.name) > started


def test_the_replication_group_is_the_real_servers(settled: Context) -> None:
    client = aws.client(settled, "elasticache")
    [group] = client.describe_replication_groups(ReplicationGroupId=cache.GROUP)[
        "ReplicationGroups"
    ]
    clusters = client.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
    members = group["NodeGroups"][0]["NodeGroupMembers"]
    primary = cache.primary(settled)

    assert primary is not None
    assert group["Status"] == "available"
    assert group["NodeGroups"][0]["PrimaryEndpoint"]["Address"] == layout.CACHE_PRIMARY_NAME
    addresses = {m["ReadEndpoint"]["Address"]: m for m in members}
    assert set(addresses) == {settled.layout.address(name) for name in layout.CACHES}
    assert addresses[settled.layout.address(primary)]["CurrentRole"] == "primary"
    assert [m["PreferredAvailabilityZone"] for m in members] == list(layout.ZONES)
    assert {c["CacheClusterStatus"] for c in clusters} == {"available"}
    assert len(clusters) == len(layout.CACHES)


def test_a_tested_failover_moves_the_real_primary_with_its_events(
    settled: Context, stock: dict[str, Any]
) -> None:
    from chaosaws.elasticache.actions import test_failover as stock_test_failover

    client = aws.client(settled, "elasticache")
    before, primary = _cache_primary(settled), cache.primary(settled)
    began = datetime.now(UTC)

    stock_test_failover(cache.GROUP, ACTIVE_NODE_GROUP, **stock)
    with pytest.raises(ClientError) as while_moving:
        client.test_failover(ReplicationGroupId=cache.GROUP, NodeGroupId=ACTIVE_NODE_GROUP)

    def messages() -> list[str]:
        events = client.describe_events(StartTime=began)["Events"]
        return [event["Message"] for event in events]

    wait_until(
        lambda: any("Finished recovery" in message for message in messages()),
        what="the events of the failover",
        limit_seconds=FAILOVER_LIMIT_SECONDS,
    )
    after = _cache_primary(settled)
    moved = f"Failover from primary node {before} to replica node {after} completed"
    assert while_moving.value.response["Error"]["Code"] == "InvalidReplicationGroupState"
    assert after != before
    assert cache.primary(settled) != primary
    assert messages() == [
        f"Test Failover API called for node group {ACTIVE_NODE_GROUP}",
        moved,
        moved,
        "Recovering cache nodes 0001",
        "Finished recovery for cache nodes 0001",
    ]


def test_an_unknown_node_group_is_refused(settled: Context) -> None:
    with pytest.raises(ClientError) as refusal:
        aws.client(settled, "elasticache").test_failover(
            ReplicationGroupId=cache.GROUP, NodeGroupId="0002"
        )

    assert refusal.value.response["Error"]["Code"] == "NodeGroupNotFoundFault"


def test_the_cluster_can_be_reached_with_what_eks_says(stack: Context) -> None:
    found = aws.client(stack, "eks").describe_cluster(name=aws_plane.CLUSTER)["cluster"]
    ca = base64.b64decode(found["certificateAuthority"]["data"]).decode()

    with urllib3.PoolManager(ca_cert_data=ca, retries=False) as pool:
        version = pool.request("GET", found["endpoint"] + "/version", timeout=10).json()

    assert found["version"] == f"{version['major']}.{version['minor']}"
    assert found["health"]["issues"] == []


def test_node_groups_show_the_real_nodes_and_addons_are_kept(stack: Context) -> None:
    client = aws.client(stack, "eks")
    names = client.list_nodegroups(clusterName=aws_plane.CLUSTER)["nodegroups"]
    states = {
        name: client.describe_nodegroup(clusterName=aws_plane.CLUSTER, nodegroupName=name)[
            "nodegroup"
        ]["status"]
        for name in names
    }
    addon = {"clusterName": aws_plane.CLUSTER, "addonName": "coredns"}
    client.create_addon(**addon)
    described = client.describe_addon(**addon)["addon"]
    client.delete_addon(**addon)

    assert states == {"smart-dairy-app-nodes": "ACTIVE", "smart-dairy-db-nodes": "ACTIVE"}
    assert described["status"] == "ACTIVE"
    with pytest.raises(ClientError) as refusal:
        client.describe_addon(**addon)
    assert refusal.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_target_health_is_that_of_the_pods(stack: Context) -> None:
    text = cluster.kubectl(stack, ["get", "endpointslices", "-A", "-o", "json"])
    ready = [
        (endpoint["addresses"][0], item["ports"][0]["port"])
        for item in json.loads(text)["items"]
        for endpoint in item["endpoints"] or []
        if endpoint["conditions"].get("ready") and item["ports"] and item["addressType"] == "IPv4"
    ]
    address, port = ready[0]
    client = aws.client(stack, "elbv2")
    vpc = aws.client(stack, "ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    arn = client.create_target_group(
        Name="awsplane-test", Protocol="HTTP", Port=port, VpcId=vpc, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    try:
        targets = [{"Id": address, "Port": port}, {"Id": "10.9.9.9", "Port": port}]
        client.register_targets(TargetGroupArn=arn, Targets=targets)
        described = client.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    finally:
        client.delete_target_group(TargetGroupArn=arn)

    states = {d["Target"]["Id"]: d["TargetHealth"]["State"] for d in described}
    assert states == {address: "healthy", "10.9.9.9": "unused"}


def test_a_missing_operation_is_a_clean_error_and_is_listed(stack: Context) -> None:
    with pytest.raises(ClientError) as refusal:
        aws.client(stack, "rds").describe_db_engine_versions()
    listed = commands.status(
        commands.Options(command="status", aws=True), commands.threading.Event()
    )

    assert refusal.value.response["Error"]["Code"] == "InvalidAction"
    assert "DescribeDBEngineVersions" in listed.data["rds"]["missing"]
    assert "RebootDBInstance" in listed.data["rds"]["real"]
    assert set(listed.data) == set(aws.PLANE)


def test_the_aws_cli_reads_the_same(stack: Context) -> None:
    container = containers.find(stack, layout.AWS)
    assert container is not None
    settings = ["AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_PAGER="]
    code, output = containers.execute(
        container,
        ["env", *settings, "python3", "-m", "awscli", "--region", layout.REGION, "--output"]
        + ["json", "--endpoint-url", f"http://localhost:{aws.PORT}"]
        + ["rds", "describe-db-instances", "--db-instance-identifier", aws_plane.PRIMARY],
    )

    assert code == 0, output
    [told] = json.loads(output)["DBInstances"]
    read = _instance(stack)
    for field in ("Endpoint", "DBInstanceStatus", "AvailabilityZone", "MultiAZ", "DBInstanceArn"):
        assert told[field] == read[field]


def test_api_faults_hit_what_they_say_and_are_cleared(stack: Context) -> None:
    control = Control(aws.endpoint(stack))
    client = aws.client(stack, "rds")

    control.set_faults([Rule("busy", "throttle", service="rds", operation="DescribeDBInstances")])
    try:
        with pytest.raises(ClientError) as refusal:
            client.describe_db_instances()
        aws.client(stack, "s3").list_buckets()
        client.describe_db_subnet_groups()
    finally:
        [rule] = control.clear_faults()

    assert refusal.value.response["Error"]["Code"] == "Throttling"
    # The client of the harness tries three times.
    assert (rule.matched, rule.hit) == (3, 3)
    assert control.faults() == ()
    client.describe_db_instances()


def test_no_secret_of_the_wiring_is_shown(stack: Context) -> None:
    shown = json.dumps(Control(aws.endpoint(stack)).wired())

    assert stack.credentials.cache_auth_token not in shown
    assert database.rest_password(stack) not in shown
    assert layout.DATABASES[0] in shown


def test_chaostoolkits_own_action_reboots_with_failover(
    cool: Context, patroni: Patroni, stock: dict[str, Any]
) -> None:
    from chaosaws.rds.actions import reboot_db_instance

    before = patroni.view()

    reboot_db_instance(aws_plane.PRIMARY, force_failover=True, **stock)
    _wait_available(cool)

    assert rds_events.promoted(before, patroni.view())


def test_cluster_parameter_groups_have_their_tags(stack: Context) -> None:
    """Tags given when the group is made and later are read back; an unknown group is an error."""
    rds = aws.client(stack, "rds")
    name = "tagged-settings"
    made = rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=name,
        DBParameterGroupFamily="postgres16",
        Description="of a test",
        Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
    )["DBClusterParameterGroup"]
    arn = made["DBClusterParameterGroupArn"]
    try:
        rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "3"}])
        rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["b"])
        found = rds.list_tags_for_resource(ResourceName=arn)["TagList"]
    finally:
        rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName=name)
    with pytest.raises(ClientError) as gone:
        rds.list_tags_for_resource(ResourceName=arn)

    assert found == [{"Key": "a", "Value": "3"}]
    assert gone.value.response["Error"]["Code"] == "DBParameterGroupNotFound"


def test_a_deleted_replication_group_is_gone(stack: Context) -> None:
    """A group without real servers is made, deleted, and then not found."""
    elasticache = aws.client(stack, "elasticache")
    name = "to-be-deleted"
    elasticache.create_replication_group(
        ReplicationGroupId=name, ReplicationGroupDescription="of a test", NumCacheClusters=1
    )
    shown = elasticache.delete_replication_group(ReplicationGroupId=name)["ReplicationGroup"]
    with pytest.raises(ClientError) as gone:
        elasticache.describe_replication_groups(ReplicationGroupId=name)

    assert shown["Status"] == "deleting"
    assert gone.value.response["Error"]["Code"] == "ReplicationGroupNotFoundFault"


def test_the_master_password_of_a_cluster_is_encrypted_with_the_key_that_was_given(
    stack: Context,
) -> None:
    """A key of the emulator's own KMS is taken, and shown by its ARN."""
    key = aws.client(stack, "kms").create_key()["KeyMetadata"]
    rds = aws.client(stack, "rds")
    name = "with-a-secret"
    made = rds.create_db_cluster(
        DBClusterIdentifier=name,
        Engine="postgres",
        DBClusterInstanceClass="db.r6gd.large",
        AllocatedStorage=100,
        StorageType="io1",
        Iops=1000,
        MasterUsername="harness",
        ManageMasterUserPassword=True,
        MasterUserSecretKmsKeyId=key["Arn"],
    )["DBCluster"]
    rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)

    assert made["MasterUserSecret"]["KmsKeyId"] == key["Arn"]
