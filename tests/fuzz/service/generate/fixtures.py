"""What the service offers to work with: listed by it, given as options, or in the contract's examples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..contract import DETAIL, Contract
from ..exchange import JsonObject
from ..run import Run
from ..target import TargetError


@dataclass(frozen=True)
class Fixtures:
    """Ids and names that exist at the service."""

    image: str
    windows_image: str
    """One on which names have to be shorter; empty when none is known."""
    flavors: tuple[str, ...]
    """At least two, whose disk is not of fixed size."""
    fixed_flavors: tuple[str, ...]
    """Those whose disk is."""
    network: str
    subnet: str
    zone: str
    groups: tuple[str, ...]
    volumes: tuple[str, ...]
    """Free ones, in the zone."""
    addresses: tuple[str, ...]
    """Floating IPs that are free."""


def create_example(contract: Contract) -> JsonObject:
    """Return the instance of the contract's example of a create."""
    spec: JsonObject = contract.body_examples("createInstance")["create"]["instance"]
    return spec


def longest_name_on_windows(contract: Contract) -> int:
    """Return how many characters a name may have on every image, which the contract states in prose only."""
    prose: str = contract.document["components"]["schemas"]["InstanceSpec"]["properties"]["name"]["description"]
    (number,) = re.findall(r"up to (\d+) on Windows images", prose)
    return int(number)


def find_fixtures(run: Run, given: Mapping[str, Any]) -> Fixtures:
    """Return what to work with; `given` are members of Fixtures. Raises TargetError when the service has too little."""
    contract = run.contract
    details = _listed(run, DETAIL, "instances")
    zones = [one["zoneName"] for one in _listed(run, "listAvailabilityZones", "zones") if one["zoneState"]["available"]]
    usable = [one for one in _listed(run, "listFlavors", "flavors") if one["isPublic"] and not one["disabled"]]
    flavors = [one["id"] for one in usable if "volumeSize" not in one]
    if len(flavors) < 2:
        raise TargetError("the service lists fewer than two flavors that can be used")
    if not zones:
        raise TargetError("the service lists no availability zone that can be used")
    spec, actions = create_example(contract), contract.body_examples("runInstanceAction")
    network = spec["networks"][0]
    groups = (spec["securityGroups"][0]["name"], actions["addSecurityGroup"]["parameters"]["name"])
    found = Fixtures(
        image=next((one["image"] for one in details), spec["image"]),
        windows_image=run.target.windows_image,
        flavors=tuple(flavors),
        fixed_flavors=tuple(one["id"] for one in usable if "volumeSize" in one),
        network=network["id"],
        subnet="" if given.get("network") else network["subnetId"],
        zone=spec["availabilityZone"] if spec["availabilityZone"] in zones else zones[0],
        groups=tuple(dict.fromkeys(groups)),
        volumes=run.target.volumes or (contract.body_examples("attachVolume")["attach"]["attachment"]["volumeId"],),
        addresses=run.target.addresses or (actions["addFloatingIp"]["parameters"]["address"],),
    )
    return replace(found, **{name: value for name, value in given.items() if value})


def create_body(fixtures: Fixtures, name: str, keypair: str, **changes: Any) -> JsonObject:
    """Return the body of the simplest create, with other members of the instance where they are given."""
    reference = {"id": fixtures.network, "subnetId": fixtures.subnet}
    return {
        "instance": {
            "name": name,
            "image": fixtures.image,
            "flavor": fixtures.flavors[0],
            "networks": [{member: value for member, value in reference.items() if value}],
            "availabilityZone": fixtures.zone,
            "keyName": keypair,
            "securityGroups": [{"name": fixtures.groups[0]}],
            **changes,
        }
    }


def _listed(run: Run, operation: str, member: str) -> list[JsonObject]:
    content = run.call(operation).content
    return content[member] if run.contract.is_success(operation, content) else []
