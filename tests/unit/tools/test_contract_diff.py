"""Tests of the comparison of two contracts."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from generator.contract.document import pointer_of, resolve, walk
from tools.contract_diff import Change, compare

BREAKING = True
COMPATIBLE = False
GONE = object()

PATHS = "#/paths/~1v1.0~1appkeys~1{appkey}"
SCHEMAS = "#/components/schemas"
SPEC = f"{SCHEMAS}/InstanceSpec"
FLAVOR = f"{SCHEMAS}/Flavor"
SIZE = f"{SCHEMAS}/RootVolumeSpec/properties/size"
CODES = "#/x-result-codes"
MOVES = "#/x-lifecycle/operations"
STATES = "#/x-lifecycle/states"
LISTED = ["disabled", "ephemeral", "type", "id", "name", "isPublic", "ram", "vcpus"]
CREATED = ["name", "image", "flavor", "networks", "availabilityZone", "keyName", "securityGroups"]
VARIANT = "removeSecurityGroup"
CODE = {"code": -9, "message": "Busy", "kind": "conflict", "retry": "no", "meaning": "Later."}
TEXT = {"type": "string", "description": "A text."}

Edits = Mapping[str, object]

# The edits, then the pointer and the text of the change that has to be reported, and whether it breaks old clients.
CHANGES: dict[str, tuple[Edits, str, str, bool]] = {
    # What is asked for
    "an operation is removed": (
        {f"{PATHS}~1keypairs/delete": GONE},
        f"{PATHS}~1keypairs/delete",
        "the operation deleteKeypair is gone",
        BREAKING,
    ),
    "an operation has another operationId": (
        {f"{PATHS}~1flavors/get/operationId": "readFlavors"},
        f"{PATHS}~1flavors/get/operationId",
        "was listFlavors, is readFlavors",
        BREAKING,
    ),
    "an operation needs a token": (
        {f"{PATHS}~1tokens/get/security": GONE},
        f"{PATHS}~1tokens/get/security",
        "needs other credentials now",
        BREAKING,
    ),
    "no operation needs a token": ({"#/security": []}, "#/security", "needs no token any more", COMPATIBLE),
    "a server is removed": ({"#/servers/0/url": "https://example.com/compute"}, "#/servers/0", "is gone", BREAKING),
    "a parameter becomes required": (
        {f"{PATHS}~1instances/get/parameters/1/required": True},
        f"{PATHS}~1instances/get/parameters/1/required",
        "the parameter id is required now",
        BREAKING,
    ),
    "a parameter becomes optional": (
        {f"{PATHS}~1instances/delete/parameters/1/required": False},
        f"{PATHS}~1instances/delete/parameters/1/required",
        "the parameter id is optional now",
        COMPATIBLE,
    ),
    "a parameter is removed": (
        {f"{PATHS}~1keypairs/get/parameters/1": GONE},
        f"{PATHS}~1keypairs/get/parameters/1",
        "the parameter name is gone",
        BREAKING,
    ),
    "an optional parameter is added": (
        {f"{PATHS}~1flavors/get/parameters/-": {"name": "page", "in": "query", "schema": TEXT}},
        f"{PATHS}~1flavors/get/parameters/1",
        "the parameter page is new",
        COMPATIBLE,
    ),
    "a required parameter is added": (
        {f"{PATHS}~1flavors/get/parameters/-": {"name": "page", "in": "query", "required": True, "schema": TEXT}},
        f"{PATHS}~1flavors/get/parameters/1",
        "the parameter page is new and required",
        BREAKING,
    ),
    "a parameter has another schema": (
        {f"{PATHS}~1keypairs/get/parameters/1/schema/$ref": f"{SCHEMAS}/ResourceId"},
        f"{SCHEMAS}/ResourceId/pattern",
        "is ^[0-9A-Za-z]",
        BREAKING,
    ),
    # What requests carry
    "an action is removed": (
        {
            f"{SCHEMAS}/InstanceAction/oneOf/8": GONE,
            f"{SCHEMAS}/InstanceAction/discriminator/mapping/{VARIANT}": GONE,
        },
        f"{SCHEMAS}/InstanceAction/oneOf/8",
        f"{VARIANT} is no longer one of the forms",
        BREAKING,
    ),
    "a required request member is added": (
        {f"{SPEC}/properties/owner": TEXT, f"{SPEC}/required": [*CREATED, "owner"]},
        f"{SPEC}/properties/owner",
        "the member owner is new and required",
        BREAKING,
    ),
    "an optional request member is added": (
        {f"{SPEC}/properties/owner": TEXT},
        f"{SPEC}/properties/owner",
        "the member owner is new",
        COMPATIBLE,
    ),
    "a request member is removed": (
        {f"{SPEC}/properties/count": GONE},
        f"{SPEC}/properties/count",
        "the member count is gone",
        BREAKING,
    ),
    "a request member becomes required": (
        {f"{SPEC}/required": [*CREATED, "count"]},
        f"{SPEC}/properties/count",
        "the member count has to be there now",
        BREAKING,
    ),
    "a request member becomes optional": (
        {f"{SPEC}/required": CREATED[1:]},
        f"{SPEC}/properties/name",
        "the member name need not be there any more",
        COMPATIBLE,
    ),
    "a request enum value is removed": (
        {f"{SCHEMAS}/RebootType/enum": ["SOFT"]},
        f"{SCHEMAS}/RebootType/enum",
        "HARD is no longer one of the values",
        BREAKING,
    ),
    "a request enum value is added": (
        {f"{SCHEMAS}/RebootType/enum": ["SOFT", "HARD", "GRACEFUL"]},
        f"{SCHEMAS}/RebootType/enum",
        "GRACEFUL is a new value",
        COMPATIBLE,
    ),
    "a request value is bound to a list": (
        {f"{SPEC}/properties/availabilityZone/enum": ["kr-pub-a"]},
        f"{SPEC}/properties/availabilityZone/enum",
        "only [kr-pub-a] now",
        BREAKING,
    ),
    "an action's tag is another word": (
        {f"{SCHEMAS}/StartAction/properties/action/const": "boot"},
        f"{SCHEMAS}/StartAction/properties/action/const",
        "start is no longer one of the values",
        BREAKING,
    ),
    "a maxLength is shortened": (
        {f"{SPEC}/properties/name/maxLength": 15},
        f"{SPEC}/properties/name/maxLength",
        "was 20, is 15",
        BREAKING,
    ),
    "a maxLength is extended": (
        {f"{SPEC}/properties/name/maxLength": 30},
        f"{SPEC}/properties/name/maxLength",
        "was 20, is 30",
        COMPATIBLE,
    ),
    "a maximum is lowered": (
        {f"{SPEC}/properties/count/maximum": 5},
        f"{SPEC}/properties/count/maximum",
        "was 10, is 5",
        BREAKING,
    ),
    "a minimum is lowered": ({f"{SIZE}/minimum": 0}, f"{SIZE}/minimum", "was 10, is 0", COMPATIBLE),
    "a minItems is raised": (
        {f"{SPEC}/properties/networks/minItems": 2},
        f"{SPEC}/properties/networks/minItems",
        "was 1, is 2",
        BREAKING,
    ),
    "steps become wider": ({f"{SIZE}/multipleOf": 20}, f"{SIZE}/multipleOf", "was 10, is 20", BREAKING),
    "steps become other ones": ({f"{SIZE}/multipleOf": 4}, f"{SIZE}/multipleOf", "was 10, is 4", BREAKING),
    "steps become smaller": ({f"{SIZE}/multipleOf": 5}, f"{SIZE}/multipleOf", "was 10, is 5", COMPATIBLE),
    "a pattern is changed": (
        {f"{SPEC}/properties/name/pattern": "^[a-z]+$"},
        f"{SPEC}/properties/name/pattern",
        "is ^[a-z]+$",
        BREAKING,
    ),
    "a pattern is removed": (
        {f"{SPEC}/properties/name/pattern": GONE},
        f"{SPEC}/properties/name/pattern",
        "is nothing",
        COMPATIBLE,
    ),
    "a format is added": (
        {f"{SPEC}/properties/availabilityZone/format": "uuid"},
        f"{SPEC}/properties/availabilityZone/format",
        "is uuid",
        BREAKING,
    ),
    "a default is added": (
        {f"{SPEC}/properties/count/default": 2},
        f"{SPEC}/properties/count/default",
        "was nothing, is 2",
        BREAKING,
    ),
    "a request type is changed": (
        {f"{SPEC}/properties/count/type": "string"},
        f"{SPEC}/properties/count/type",
        "was integer, is string",
        BREAKING,
    ),
    "a request type takes more": (
        {f"{SPEC}/properties/count/type": "number"},
        f"{SPEC}/properties/count/type",
        "was integer, is number",
        COMPATIBLE,
    ),
    "null is dropped from a request": (
        {f"{SCHEMAS}/RootVolumeSpec/properties/type": {"$ref": f"{SCHEMAS}/VolumeType"}},
        f"{SCHEMAS}/RootVolumeSpec/properties/type",
        "null is no longer allowed",
        BREAKING,
    ),
    "null is added to a request": (
        {f"{SPEC}/properties/count/type": ["integer", "null"]},
        f"{SPEC}/properties/count",
        "null is allowed now",
        COMPATIBLE,
    ),
    "a request object is opened": (
        {f"{SPEC}/additionalProperties": True},
        f"{SPEC}/additionalProperties",
        "other members are allowed now",
        COMPATIBLE,
    ),
    # What replies carry
    "a reply member is removed": (
        {f"{FLAVOR}/properties/disabled": GONE, f"{FLAVOR}/required": LISTED[1:]},
        f"{FLAVOR}/properties/disabled",
        "the member disabled is gone",
        BREAKING,
    ),
    "an optional reply member is removed": (
        {f"{FLAVOR}/properties/volumeSize": GONE},
        f"{FLAVOR}/properties/volumeSize",
        "the member volumeSize is gone",
        BREAKING,
    ),
    "a reply member need not be there": (
        {f"{FLAVOR}/required": LISTED[1:]},
        f"{FLAVOR}/properties/disabled",
        "the member disabled need not be there any more",
        BREAKING,
    ),
    "a reply member is always there": (
        {f"{FLAVOR}/required": [*LISTED, "volumeSize"]},
        f"{FLAVOR}/properties/volumeSize",
        "the member volumeSize has to be there now",
        COMPATIBLE,
    ),
    "a reply member is added": (
        {f"{FLAVOR}/properties/generation": TEXT, f"{FLAVOR}/required": [*LISTED, "generation"]},
        f"{FLAVOR}/properties/generation",
        "the member generation is new",
        COMPATIBLE,
    ),
    "a payload member is removed": (
        {f"{SCHEMAS}/FlavorsReply/allOf/1/properties/flavors": GONE},
        f"{SCHEMAS}/FlavorsReply/allOf/1/properties/flavors",
        "the member flavors is gone",
        BREAKING,
    ),
    "a reply enum value is added": (
        {f"{SCHEMAS}/FlavorType/enum": ["general", "compute", "memory", "gpu"]},
        f"{SCHEMAS}/FlavorType/enum",
        "gpu is a new value",
        COMPATIBLE,
    ),
    "a reply enum value is removed": (
        {f"{SCHEMAS}/FlavorType/enum": ["general", "compute"]},
        f"{SCHEMAS}/FlavorType/enum",
        "memory is no longer one of the values",
        COMPATIBLE,
    ),
    "an enum value that goes both ways is removed": (
        {f"{SCHEMAS}/VolumeType/enum": ["General SSD"]},
        f"{SCHEMAS}/VolumeType/enum",
        "General HDD is no longer one of the values",
        BREAKING,
    ),
    "a reply type is changed": (
        {f"{FLAVOR}/properties/ram/type": "string"},
        f"{FLAVOR}/properties/ram/type",
        "was integer, is string",
        BREAKING,
    ),
    "a reply type allows more": (
        {f"{FLAVOR}/properties/ram/type": "number"},
        f"{FLAVOR}/properties/ram/type",
        "was integer, is number",
        BREAKING,
    ),
    "a reply member may be null": (
        {f"{FLAVOR}/properties/ram/type": ["integer", "null"]},
        f"{FLAVOR}/properties/ram",
        "null is allowed now",
        BREAKING,
    ),
    "an optional reply member may be null": (
        {f"{FLAVOR}/properties/volumeSize/type": ["integer", "null"]},
        f"{FLAVOR}/properties/volumeSize",
        "null is allowed now",
        COMPATIBLE,
    ),
    "the items of a reply are others": (
        {f"{SCHEMAS}/FlavorsReply/allOf/1/properties/flavors/items/$ref": f"{SCHEMAS}/Keypair"},
        f"{FLAVOR}/properties/ram",
        "the member ram is gone",
        BREAKING,
    ),
    "the values of a map are others": (
        {f"{SCHEMAS}/InstanceMetadata/additionalProperties/type": "integer"},
        f"{SCHEMAS}/InstanceMetadata/additionalProperties/type",
        "was string, is integer",
        BREAKING,
    ),
    "a reply is answered with another HTTP status": (
        {f"{PATHS}~1flavors/get/responses/404": {"description": "No."}},
        f"{PATHS}~1flavors/get/responses/404",
        "HTTP 404 is answered now",
        BREAKING,
    ),
    # What the extensions promise
    "a change may be repeated now": (
        {f"{PATHS}~1instances~1{{instanceId}}~1attachments/post/x-retry": "idempotent"},
        f"{PATHS}~1instances~1{{instanceId}}~1attachments/post/x-retry",
        "was never, is idempotent",
        COMPATIBLE,
    ),
    "a change must not be repeated any more": (
        {f"{PATHS}~1instances/delete/x-retry": "never"},
        f"{PATHS}~1instances/delete/x-retry",
        "was idempotent, is never",
        BREAKING,
    ),
    "an action must not be repeated any more": (
        {f"{SCHEMAS}/StopAction/x-retry": "never"},
        f"{SCHEMAS}/StopAction/x-retry",
        "was idempotent, is never",
        BREAKING,
    ),
    "a member of a success is no longer promised": (
        {f"{SCHEMAS}/FlavorsReply/x-success/required": []},
        f"{SCHEMAS}/FlavorsReply/x-success",
        "a success need no longer carry flavors",
        BREAKING,
    ),
    "a member of one action's success is no longer promised": (
        {f"{SCHEMAS}/ActionReply/x-success/requiredFor": {}},
        f"{SCHEMAS}/ActionReply/x-success",
        "a success of uploadImage need no longer carry createdImage",
        BREAKING,
    ),
    "a member of a success is promised": (
        {f"{SCHEMAS}/ActionReply/x-success/requiredFor/resize": ["createdImage"]},
        f"{SCHEMAS}/ActionReply/x-success",
        "a success of resize has to carry createdImage now",
        COMPATIBLE,
    ),
    "a secret is no longer one": (
        {f"{SCHEMAS}/Token/properties/id/x-sensitive": GONE},
        f"{SCHEMAS}/Token/properties/id/x-sensitive",
        "is no longer secret",
        BREAKING,
    ),
    "a parameter is no longer secret": (
        {"#/components/parameters/Appkey/x-sensitive": False},
        "#/components/parameters/Appkey/x-sensitive",
        "is no longer secret",
        BREAKING,
    ),
    "a value becomes secret": (
        {f"{SCHEMAS}/Keypair/properties/publicKey/x-sensitive": True},
        f"{SCHEMAS}/Keypair/properties/publicKey/x-sensitive",
        "is secret now",
        COMPATIBLE,
    ),
    "times are written in another way": (
        {f"{SCHEMAS}/Timestamp/x-timestamp/zone": "KST"},
        f"{SCHEMAS}/Timestamp/x-timestamp",
        "old clients read times as they were written",
        BREAKING,
    ),
    "a move is removed": (
        {f"{STATES}/ERROR/next": ["DELETING"]},
        f"{STATES}/ERROR/next",
        "ERROR no longer leads to POWERING_OFF",
        BREAKING,
    ),
    "a move is added that opens no new way": (
        {f"{STATES}/DELETING/next": ["ERROR", "ACTIVE"]},
        f"{STATES}/DELETING/next",
        "DELETING leads to ACTIVE now",
        COMPATIBLE,
    ),
    "a move is added that opens a new way": (
        {f"{STATES}/ERROR/next": ["POWERING_OFF", "DELETING", "BUILD"]},
        f"{STATES}/ERROR/next",
        "old clients give up waiting for BUILD",
        BREAKING,
    ),
    "a state is added": (
        {f"{STATES}/PAUSED": {"transient": False, "next": ["ACTIVE"], "basis": "assumed"}},
        f"{STATES}/PAUSED",
        "the state PAUSED is new",
        COMPATIBLE,
    ),
    "a state is removed": ({f"{STATES}/MIGRATING": GONE}, f"{STATES}/MIGRATING", "MIGRATING is gone", BREAKING),
    "an action is no longer accepted in a state": (
        {f"{MOVES}/stop/from": ["ACTIVE"]},
        f"{MOVES}/stop/from",
        "stop is no longer accepted in ERROR",
        BREAKING,
    ),
    "an action is accepted in one more state": (
        {f"{MOVES}/reboot/from": ["ACTIVE", "ERROR"]},
        f"{MOVES}/reboot/from",
        "reboot is accepted in ERROR now",
        COMPATIBLE,
    ),
    "an action ends elsewhere": (
        {f"{MOVES}/reboot/to": "STOP"},
        f"{MOVES}/reboot/to",
        "reboot ended in ACTIVE, and ends in STOP",
        BREAKING,
    ),
    "an action is no longer done at once": (
        {f"{MOVES}/uploadImage/through": ["MIGRATING"]},
        f"{MOVES}/uploadImage/through",
        "uploadImage went through [], and goes through [MIGRATING]",
        BREAKING,
    ),
    "an action takes longer": (
        {f"{MOVES}/start/seconds/max": 50},
        f"{MOVES}/start/seconds/max",
        "start took 5 s at most, and takes 50 s",
        BREAKING,
    ),
    "an action is quicker": (
        {f"{MOVES}/start/seconds/max": 4},
        f"{MOVES}/start/seconds/max",
        "start took 5 s at most, and takes 4 s",
        COMPATIBLE,
    ),
    "an action has no lifecycle any more": (
        {f"{MOVES}/start": GONE},
        f"{MOVES}/start",
        "start has no lifecycle any more",
        BREAKING,
    ),
    "a result code is removed": (
        {f"{CODES}/codes/7": GONE},
        f"{CODES}/codes/7",
        "the code -7 (Not supported) is gone",
        BREAKING,
    ),
    "a result code has another number": (
        {f"{CODES}/codes/7/code": -9},
        f"{CODES}/codes/7",
        "the code -7 (Not supported) is gone",
        BREAKING,
    ),
    "a result code is added": (
        {f"{CODES}/codes/-": CODE},
        f"{CODES}/codes/11",
        "the code -9 (Busy) is new",
        COMPATIBLE,
    ),
    "a result code is of another kind": (
        {f"{CODES}/codes/3/kind": "authentication"},
        f"{CODES}/codes/3/kind",
        "the kind of code -3 was permission-denied, and is authentication",
        BREAKING,
    ),
    "a result code is to be repeated otherwise": (
        {f"{CODES}/codes/3/retry": "no"},
        f"{CODES}/codes/3/retry",
        "the retry of code -3 was fresh-token, and is no",
        BREAKING,
    ),
    "a part of the service has other codes": (
        {f"{CODES}/ranges/0/to": 10450},
        f"{CODES}/ranges/0",
        "not all of 10400 to 10499 are the codes of instance any more",
        BREAKING,
    ),
    "a part of the service has more codes": (
        {f"{CODES}/ranges/0/to": 10599},
        f"{CODES}/ranges/0",
        "the codes of instance were 10400 to 10499, and are 10400 to 10599",
        COMPATIBLE,
    ),
    "a result code has another message": (
        {f"{CODES}/codes/3/message": "No permission"},
        f"{CODES}/codes/3/message",
        "and is No permission",
        COMPATIBLE,
    ),
    "null alone is no longer allowed": (
        {f"{SCHEMAS}/RootVolumeSpec/properties/type/oneOf/1": GONE},
        f"{SCHEMAS}/RootVolumeSpec/properties/type",
        "null is no longer allowed",
        BREAKING,
    ),
    "codes of one HTTP status mean something else": (
        {f"{CODES}/statuses/404": "conflict"},
        f"{CODES}/statuses/404",
        "codes of 404 were not-found, and are conflict",
        BREAKING,
    ),
    # The rest
    "only a description is changed": (
        {f"{FLAVOR}/properties/ram/description": "Memory."},
        f"{FLAVOR}/properties/ram/description",
        "nothing that travels has changed",
        COMPATIBLE,
    ),
    "only an example is changed": (
        {"#/components/parameters/Appkey/example": "other-appkey"},
        "#/components/parameters/Appkey/example",
        "nothing that travels has changed",
        COMPATIBLE,
    ),
    "something is added that nobody has thought of": (
        {f"{SPEC}/properties/name/x-unheard-of": True},
        f"{SPEC}/properties/name/x-unheard-of",
        "it is not known to be harmless",
        BREAKING,
    ),
    "the token travels in another header": (
        {"#/components/securitySchemes/Token/name": "X-Token"},
        "#/components/securitySchemes/Token/name",
        "was X-Auth-Token, is X-Token",
        BREAKING,
    ),
}

# Changes to and fro, of which the one way breaks old clients and the other does not.
ONE_WAY = (
    "an operation is removed",
    "an operation needs a token",
    "a parameter becomes required",
    "a request enum value is removed",
    "a maxLength is shortened",
    "a minItems is raised",
    "steps become wider",
    "a request type takes more",
    "null is dropped from a request",
    "a reply type allows more",
    "a reply member need not be there",
    "a change must not be repeated any more",
    "a secret is no longer one",
    "an action takes longer",
)


def changed(contract: dict[str, Any], edits: Edits) -> dict[str, Any]:
    """The contract with other values at these places; `/-` is behind the end of a list."""
    result = deepcopy(contract)
    for pointer, value in edits.items():
        above, _, last = pointer.rpartition("/")
        holder = resolve(result, above)
        key = last.replace("~1", "/").replace("~0", "~")
        if last == "-":
            holder.append(value)
        elif value is GONE:
            del holder[int(key) if isinstance(holder, list) else key]
        else:
            holder[int(key) if isinstance(holder, list) else key] = value
    return result


def reported(changes: list[Change], pointer: str, words: str) -> Change | None:
    found = (one for one in changes if one.pointer == pointer and words in f"{one.what}: {one.why}")
    return next(found, None)


@pytest.mark.parametrize("name", CHANGES)
def test_change_is_reported_with_its_pointer_and_consequence(contract: dict[str, Any], name: str) -> None:
    edits, pointer, words, is_breaking = CHANGES[name]
    found = compare(contract, changed(contract, edits))
    change = reported(found, pointer, words)
    assert change is not None, "\n".join(map(str, found))
    assert change.is_breaking is is_breaking
    assert any(one.is_breaking for one in found) is is_breaking


@pytest.mark.parametrize("name", ONE_WAY)
def test_change_that_breaks_one_way_is_compatible_the_other_way(contract: dict[str, Any], name: str) -> None:
    edits, _, _, is_breaking = CHANGES[name]
    back = compare(changed(contract, edits), contract)
    assert back
    assert any(one.is_breaking for one in back) is not is_breaking


def test_contract_has_no_changes_from_itself(contract: dict[str, Any]) -> None:
    assert compare(contract, deepcopy(contract)) == []


def test_order_of_members_and_lists_is_not_a_change(contract: dict[str, Any]) -> None:
    other = changed(contract, {f"{FLAVOR}/required": LISTED[::-1], f"{SCHEMAS}/RebootType/enum": ["HARD", "SOFT"]})
    other["x-result-codes"]["codes"].reverse()
    other["components"]["schemas"] = dict(reversed(other["components"]["schemas"].items()))
    assert compare(contract, other) == []


def test_operation_with_another_path_is_one_change(contract: dict[str, Any]) -> None:
    other = deepcopy(contract)
    other["paths"]["/v2.0/appkeys/{appkey}/flavors"] = other["paths"].pop("/v1.0/appkeys/{appkey}/flavors")
    (change,) = compare(contract, other)
    assert change.is_breaking
    assert change.what == (
        "listFlavors was GET /v1.0/appkeys/{appkey}/flavors, and is GET /v2.0/appkeys/{appkey}/flavors"
    )


def test_renamed_schema_breaks_generated_code(contract: dict[str, Any]) -> None:
    other = deepcopy(contract)
    other["components"]["schemas"]["Size"] = other["components"]["schemas"].pop("Flavor")
    other["components"]["schemas"]["FlavorsReply"]["allOf"][1]["properties"]["flavors"]["items"] = {
        "$ref": f"{SCHEMAS}/Size"
    }
    found = compare(contract, other)
    assert [str(one.pointer) for one in found if one.is_breaking] == [FLAVOR]
    assert reported(found, f"{SCHEMAS}/Size", "the schema is new") is not None


def test_schema_of_both_directions_is_reported_once_as_breaking(contract: dict[str, Any]) -> None:
    found = compare(contract, changed(contract, {f"{SCHEMAS}/VolumeType/enum": ["General SSD"]}))
    assert [one.is_breaking for one in found] == [True]


def test_breaking_changes_come_first_with_one_line_each(contract: dict[str, Any]) -> None:
    edits = {f"{FLAVOR}/properties/ram/description": "Memory.", f"{SPEC}/properties/name/maxLength": 15}
    assert [str(one) for one in compare(contract, changed(contract, edits))] == [
        f"breaking    {SPEC}/properties/name/maxLength: was 20, is 15: requests that were valid are refused",
        f"compatible  {FLAVOR}/properties/ram/description: was The memory in MB., is Memory.: "
        "nothing that travels has changed",
    ]


def test_member_named_like_a_keyword_is_not_prose(contract: dict[str, Any]) -> None:
    named = {f"{SPEC}/properties/description": TEXT}
    found = compare(
        changed(contract, named), changed(contract, {**named, f"{SPEC}/properties/description": {**TEXT, "x-new": 1}})
    )
    assert [one.is_breaking for one in found] == [True]


# Every 37th value: a prime, so that the sample does not fall into step with repeated structures.
STRIDE = 37
KEPT_WHOLE = ("#/x-lifecycle", "#/x-result-codes", "#/paths", "#/components/parameters", "#/servers")


def removable(contract: dict[str, Any]) -> list[str]:
    """Return the pointers of members that can be removed without making the contract unsound."""
    found = []
    for pointer, value in walk(contract):
        last = pointer.rpartition("/")[2]
        is_needed = pointer.startswith(KEPT_WHOLE) or last in ("components", "schemas") or "x-" in last
        is_component = pointer.startswith(f"{SCHEMAS}/") and pointer.count("/") == 3
        is_mapping = "/mapping" in pointer or last in ("$ref", "discriminator", "oneOf")
        if pointer != "#" and not (is_needed or is_component or is_mapping) and not isinstance(value, list):
            found.append(pointer)
    return found


def test_every_removal_and_addition_is_reported(contract: dict[str, Any]) -> None:
    removed = removable(contract)[::STRIDE]
    assert len(removed) > 20
    for pointer in removed:
        other = changed(contract, {pointer: GONE})
        assert compare(contract, other), pointer_of(pointer, "removed")
        assert compare(other, contract), pointer_of(pointer, "added")
