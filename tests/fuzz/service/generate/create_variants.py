"""Can an instance be created in every way that the contract offers, and be read back as it was asked for?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toast_compute_api.behaviour import LIFECYCLE

from ..exchange import JsonObject
from ..run import Run
from .fixtures import Material, example_of, spec_of
from .inventory import Stock
from .observer import Lookout

CREATING = "creating"
"""The phase of these requests."""

_NAMES = ("a", "Mixed.Case-9", "9", "ends-with-twenty-chr", ".-.-", "UPPER")


def ways(run: Run, material: Material, keypair: str) -> Iterator[JsonObject]:
    """Return bodies that use what can be left out, and that go to the bounds of what is allowed."""
    example: Any = example_of(run.contract, "createInstance", "create")["instance"]["volume"]
    volume = run.contract.document["components"]["schemas"]["RootVolumeSpec"]["properties"]
    types = run.contract.document["components"]["schemas"]["VolumeType"]["enum"]
    changes: list[JsonObject] = [
        *({"name": name} for name in _NAMES),
        *({"flavor": flavor} for flavor in (*material.flavors, *material.fixed_flavors)),
        *({"flavor": flavor, "volume": {"type": None}} for flavor in material.fixed_flavors),
        *({"volume": {"type": kind}} for kind in (*types, None)),
        {"volume": {"size": example["size"]}},
        {"volume": {"size": example["size"] + volume["size"]["multipleOf"], "type": types[-1]}},
        {"volume": {}},
        {"count": 2},
        {"securityGroups": [{"name": name} for name in material.groups]},
        {"securityGroups": [{"name": name} for name in reversed(material.groups)]},
        {"securityGroups": [{"name": material.groups[0]}] * 2},
        {"networks": [{"id": material.network}]},
        *([{"networks": [{"subnetId": material.subnet}]}] if material.subnet else []),
    ]
    for change in changes:
        body = spec_of(material, "created", keypair)
        body["instance"] |= change
        yield body


def change_one_of_two(run: Run, stock: Stock, lookout: Lookout) -> None:
    """Create two instances together, change one of them, and look at both."""
    stock.trim()
    body = spec_of(stock.material, "twins", stock.keypair())
    body["instance"] |= {"count": 2, "securityGroups": [{"name": stock.material.groups[0]}]}
    lookout.after(run.call("createInstance", body=body, phase=CREATING))
    one = run.ledger.ours()[-1]
    if len(stock.material.groups) > 1 and stock.bring_to(one, LIFECYCLE.operations["addSecurityGroup"].accepted_in):
        change: JsonObject = {"action": "addSecurityGroup", "parameters": {"name": stock.material.groups[1]}}
        run.call("runInstanceAction", {"instanceId": one.id}, change, phase=CREATING)
        lookout.from_both_sides(None)


def create_in_every_way(run: Run, stock: Stock, lookout: Lookout) -> None:
    """Create, look from both sides, and delete again."""
    for body in ways(run, stock.material, stock.keypair()):
        if run.is_over:
            return
        run.target.tick()
        stock.trim()
        lookout.after(run.call("createInstance", body=body, phase=CREATING, prepared=run.target.is_exact))
