"""With which settings does schemathesis run? Everything that chance could change is pinned."""

from __future__ import annotations

from ..check.instance_checks import DELETE
from ..exchange import JsonObject
from ..run import Run
from . import placeholders
from .document import instance_parameter
from .fixtures import Material

_STEPS = 30  # the default of 6 is too few to get from a create to a detach
_LIKELY = 0.9  # how often a value is one that is there


def settings(
    run: Run, material: Material, *, seed: int, examples: int, scenarios: int, phases: tuple[str, ...]
) -> JsonObject:
    """Return the configuration of schemathesis for a run that a seed decides."""

    def words(*values: str) -> JsonObject:
        return {"values": list(values)}

    def choose(name: str, probability: float = _LIKELY) -> JsonObject:
        return {"dictionary": name, "probability": probability}

    bindings: JsonObject = {
        "body.auth.username": choose("usernames"),
        "body.auth.password": choose("passwords"),
        "body.instance.image": choose("images"),
        "body.instance.flavor": choose("flavors"),
        "body.instance.networks[*].id": choose("networks"),
        "body.instance.networks[*].subnetId": choose("subnets"),
        "body.instance.availabilityZone": choose("zones"),
        "body.instance.keyName": choose("keypairs"),
        "body.instance.securityGroups[*].name": choose("groups"),
        "body.attachment.volumeId": choose("volumes"),
        "body.parameters.flavor": choose("other_flavors"),
        "body.parameters.address": choose("addresses"),
        "body.parameters.ipAddress": choose("ports"),
        "query.volumeId": choose("volumes"),
        "path.instanceId": choose("instances"),
    }
    for operation in run.contract.operations:
        for action in run.contract.variants(operation):
            bindings[f"path.{instance_parameter(action)}"] = choose("instances")
    return {
        **({} if run.target.app is not None else {"base-url": run.target.base_url}),
        "workers": 1,
        "seed": seed,
        "cache": {"enabled": False},
        # Literals from the source of the mock would make a run on it another one than on a service elsewhere.
        "analysis": {"constants": {"enabled": False}},
        "generation": {
            "deterministic": True,
            "max-examples": examples,
            "database": "none",
            "no-shrink": True,
        },
        "checks": {"enabled": False},  # the checks of this package judge every exchange, the engine's would do it twice
        "warnings": False,
        "phases": {
            "examples": {"enabled": "examples" in phases, "extra-data-sources": {"responses": False}},
            "coverage": {
                "enabled": "coverage" in phases,
                "extra-data-sources": {"responses": False},
                "generate-duplicate-query-parameters": True,
            },
            "fuzzing": {
                "enabled": "fuzzing" in phases,
                "generation": {"with-security-parameters": False},
                "extra-data-sources": {"responses": False},
                "error-feedback": {"enabled": False},
            },
            "stateful": {
                "enabled": "stateful" in phases,
                "max-steps": _STEPS,
                "generation": {
                    "mode": "positive",
                    "with-security-parameters": False,
                    "max-examples": scenarios,
                    "deterministic": True,
                    "no-shrink": True,
                },
                "inference": {"algorithms": []},
            },
        },
        "parameters": bindings,
        "dictionaries": {
            "usernames": words(run.target.credentials.username),
            "passwords": words(run.target.credentials.password),
            "images": words(material.image),
            "flavors": words(*material.flavors),
            "networks": words(material.network),
            "subnets": words(material.subnet or material.network),
            "zones": words(material.zone),
            "keypairs": words(placeholders.OWN_KEYPAIR),
            "groups": words(*material.groups),
            "volumes": words(placeholders.OWN_VOLUME),
            "tokens": words(placeholders.OWN_TOKEN),
            "other_groups": words(placeholders.OTHER_GROUP),
            "own_groups": words(placeholders.OWN_GROUP),
            "other_flavors": words(placeholders.OTHER_FLAVOR),
            "addresses": words(placeholders.OWN_ADDRESS),
            "ports": words(placeholders.OWN_PORT),
            "instances": words(placeholders.OWN_INSTANCE),
        },
        "operations": [
            {"include-operation-id": name, "parameters": parameters}
            for name, parameters in {
                "getToken": {"query.id": choose("tokens")},
                "listInstances": {"query.id": choose("instances")},
                "listInstanceDetails": {"query.id": choose("instances")},
                DELETE: {"query.id": choose("instances")},
                "listKeypairs": {"query.name": choose("keypairs")},
                "deleteKeypair": {"query.name": choose("keypairs")},
                "runInstanceAction.addSecurityGroup": {"body.parameters.name": choose("other_groups")},
                "runInstanceAction.removeSecurityGroup": {"body.parameters.name": choose("own_groups")},
            }.items()
        ],
    }
