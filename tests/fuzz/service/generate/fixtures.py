"""What does the service offer to work with? Asked of the service, given as options, or the contract's examples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contract import Contract
from ..exchange import JSON, JsonObject
from ..run import Run
from ..target import TargetError


@dataclass(frozen=True)
class Material:
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


@dataclass(frozen=True)
class Given:
    """What was given as options; empty for what was not."""

    image: str = ""
    windows_image: str = ""
    network: str = ""
    subnet: str = ""
    zone: str = ""
    groups: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


def example_of(contract: Contract, operation: str, name: str) -> JsonObject:
    """Return an example of the contract for an operation's body."""
    examples: Mapping[str, Any] = contract.spec(operation)["requestBody"]["content"][JSON]["examples"]
    value: JsonObject = examples[name]["value"]
    return value


def longest_name_on_windows(contract: Contract) -> int:
    """Return how many characters a name may have on every image. The contract says it in words only."""
    words: str = contract.document["components"]["schemas"]["InstanceSpec"]["properties"]["name"]["description"]
    (number,) = re.findall(r"up to (\d+) on Windows images", words)
    return int(number)


def find_material(run: Run, given: Given) -> Material:
    """Return what to work with. Raises TargetError when the service has too little."""
    contract = run.contract
    details = _listed(run, "listInstanceDetails", "instances")
    zones = [one["zoneName"] for one in _listed(run, "listAvailabilityZones", "zones") if one["zoneState"]["available"]]
    usable = [one for one in _listed(run, "listFlavors", "flavors") if one["isPublic"] and not one["disabled"]]
    flavors = [one["id"] for one in usable if "volumeSize" not in one]
    if len(flavors) < 2:
        raise TargetError("the service lists fewer than two flavors that can be used")
    if not zones:
        raise TargetError("the service lists no availability zone that can be used")
    spec: JsonObject = example_of(contract, "createInstance", "create")["instance"]
    network: JsonObject = spec["networks"][0]
    groups = given.groups or tuple(
        dict.fromkeys(
            [
                spec["securityGroups"][0]["name"],
                example_of(contract, "runInstanceAction", "addSecurityGroup")["parameters"]["name"],
            ]
        )
    )
    address: str = example_of(contract, "runInstanceAction", "addFloatingIp")["parameters"]["address"]
    volume: str = example_of(contract, "attachVolume", "attach")["attachment"]["volumeId"]
    return Material(
        image=given.image or next((one["image"] for one in details), spec["image"]),
        windows_image=given.windows_image or run.target.windows_image,
        flavors=tuple(flavors),
        fixed_flavors=tuple(one["id"] for one in usable if "volumeSize" in one),
        network=given.network or network["id"],
        subnet=given.subnet or ("" if given.network else network["subnetId"]),
        zone=given.zone or (spec["availabilityZone"] if spec["availabilityZone"] in zones else zones[0]),
        groups=groups,
        volumes=given.volumes or run.target.volumes or (volume,),
        addresses=given.addresses or run.target.addresses or (address,),
    )


def spec_of(material: Material, name: str, keypair: str) -> JsonObject:
    """Return the body of the simplest create."""
    reference = {"id": material.network, "subnetId": material.subnet}
    return {
        "instance": {
            "name": name,
            "image": material.image,
            "flavor": material.flavors[0],
            "networks": [{member: value for member, value in reference.items() if value}],
            "availabilityZone": material.zone,
            "keyName": keypair,
            "securityGroups": [{"name": material.groups[0]}],
        }
    }


def _listed(run: Run, operation: str, member: str) -> list[JsonObject]:
    exchange = run.call(operation)
    name = f"#/components/schemas/{run.contract.success_name(operation, '')}"
    if exchange.content is None or run.contract.problem(name, exchange.content) is not None:
        return []
    shown: list[JsonObject] = exchange.content[member]
    return shown
