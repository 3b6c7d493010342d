"""EC2 launch templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.provision.standin.mapping import Call, Change, Read, ResourceType, Values, words
from harness.provision.standin.mappings.common import arn, tagged
from harness.provision.standin.shapes import encode

if TYPE_CHECKING:
    from harness.provision.standin.cloud import Session

# What stands beside the template's data in the call, not inside it.
_OUTSIDE = words(
    "name name_prefix description default_version update_default_version latest_version"
    " tags tags_all region id arn tag_list kms_tags tag_map tag_keys tag_key_list"
)
_NAMES = {
    "ram_disk_id": "RamDiskId",
    "security_group_names": "SecurityGroups",
    "security_groups": "Groups",
    "vpc_security_group_ids": "SecurityGroupIds",
}
_DATA = tuple(
    "block_device_mappings capacity_reservation_specification cpu_options credit_specification"
    " disable_api_stop disable_api_termination ebs_optimized enclave_options hibernation_options"
    " iam_instance_profile image_id instance_initiated_shutdown_behavior"
    " instance_market_options instance_requirements instance_type kernel_id key_name"
    " license_specification maintenance_options metadata_options monitoring network_interfaces"
    " placement private_dns_name_options ram_disk_id security_group_names tag_specifications"
    " user_data vpc_security_group_ids".split()
)


def _data(session: Session, values: Values, operation: str) -> Any:
    shape = session.shape("ec2", operation).members["LaunchTemplateData"]
    wanted = {
        name: value
        for name, value in values.items()
        if name not in _OUTSIDE and value not in (None, [], "", False)
    }
    return encode(shape, wanted, _NAMES)


def _create(session: Session, wanted: Values, prior: Values | None) -> Any:
    params: dict[str, Any] = {"LaunchTemplateName": wanted["name"]}
    if wanted.get("description"):
        params["VersionDescription"] = wanted["description"]
    tags = tagged("launch-template")["TagSpecifications"](wanted)
    if tags:
        params["TagSpecifications"] = tags
    data = _data(session, wanted, "create_launch_template")
    return session.call("ec2", "create_launch_template", LaunchTemplateData=data, **params)


def _new_version(session: Session, wanted: Values, prior: Values | None) -> None:
    params = {"VersionDescription": wanted["description"]} if wanted.get("description") else {}
    data = _data(session, wanted, "create_launch_template_version")
    made = session.call(
        "ec2",
        "create_launch_template_version",
        LaunchTemplateId=wanted["id"],
        LaunchTemplateData=data,
        **params,
    )
    if wanted.get("update_default_version"):
        number = made["LaunchTemplateVersion"]["VersionNumber"]
        _default(session, wanted["id"], number)


def _set_default(session: Session, wanted: Values, prior: Values | None) -> None:
    if wanted.get("default_version"):
        _default(session, wanted["id"], int(wanted["default_version"]))


def _default(session: Session, template: str, number: int) -> None:
    session.call(
        "ec2", "modify_launch_template", LaunchTemplateId=template, DefaultVersion=str(number)
    )


def _read(session: Session, wanted: Values, prior: Values | None) -> Any:
    found = session.call("ec2", "describe_launch_templates", LaunchTemplateIds=[wanted["id"]])
    if not found["LaunchTemplates"]:
        return None
    template = found["LaunchTemplates"][0]
    versions = session.call(
        "ec2",
        "describe_launch_template_versions",
        LaunchTemplateId=wanted["id"],
        Versions=[str(template["LatestVersionNumber"])],
    )["LaunchTemplateVersions"]
    latest = versions[0] if versions else {}
    data = dict(latest.get("LaunchTemplateData", {}))
    # Tags of the template itself are no part of what it makes, where an emulator mixes the two.
    listed = data.get("TagSpecifications") or []
    data["TagSpecifications"] = [s for s in listed if s["ResourceType"] != "launch-template"]
    return {
        **data,
        "Name": template["LaunchTemplateName"],
        "Description": latest.get("VersionDescription"),
        "DefaultVersion": template["DefaultVersionNumber"],
        "LatestVersion": template["LatestVersionNumber"],
        "Tags": template.get("Tags", []),
    }


LAUNCH_TEMPLATE = ResourceType(
    service="ec2",
    create=_create,
    read=Read(_read),
    delete=Call("delete_launch_template", {"LaunchTemplateId": "$id"}),
    identity="@LaunchTemplate.LaunchTemplateId",
    names=_NAMES,
    handles=words(" ".join([*_DATA, "name", "description"])),
    forces=words("name"),
    changes=(
        Change(_new_version, (*_DATA, "description")),
        Change(_set_default, ("default_version",)),
    ),
    computed={"arn": arn("ec2", "launch-template/{id}")},
    volatile=words("latest_version default_version"),
    named="name",
    tagging="ec2",
)

TYPES: Mapping[str, ResourceType] = {"aws_launch_template": LAUNCH_TEMPLATE}
