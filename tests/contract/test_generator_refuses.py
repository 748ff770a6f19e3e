"""Tests of broken contracts: generation stops with one line that names the place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from generator.__main__ import main

from .conftest import ROOT, Outcome

# By fault: text in the contract, its replacement, the pointer that must be named, a part of the reason.
BROKEN = {
    "a mapping entry without a component": (
        "          start: '#/components/schemas/StartAction'",
        "          start: '#/components/schemas/LaunchAction'",
        "#/components/schemas/InstanceAction/discriminator/mapping/start",
        "leads nowhere",
    ),
    "an unknown discriminator value": (
        "          start: '#/components/schemas/StartAction'",
        "          launch: '#/components/schemas/StartAction'",
        "#/components/schemas/InstanceAction/discriminator/mapping/launch",
        "const and default 'launch'",
    ),
    "a variant that no discriminator value leads to": (
        "          stop: '#/components/schemas/StopAction'\n",
        "",
        "#/components/schemas/InstanceAction/discriminator",
        "no value is mapped to StopAction",
    ),
    "a tag whose default is not its const": (
        "          const: resize\n          default: resize",
        "          const: resize\n          default: reset",
        "#/components/schemas/InstanceAction/discriminator/mapping/resize",
        "const and default 'resize'",
    ),
    "a dangling reference": (
        "$ref: '#/components/schemas/FlavorsReply'",
        "$ref: '#/components/schemas/FlavourReply'",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1flavors/get/responses/200/content/application~1json/schema/$ref",
        "#/components/schemas/FlavourReply leads nowhere",
    ),
    "a missing operationId": (
        "      operationId: listFlavors\n",
        "",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1flavors/get",
        "operationId is missing",
    ),
    "a repeated operationId": (
        "      operationId: listFlavors\n",
        "      operationId: listKeypairs\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1keypairs/get/operationId",
        "listKeypairs is the operationId of",
    ),
    "a link to an operation that is not there": (
        "              operationId: getToken\n",
        "              operationId: findToken\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1tokens/post/responses/200/links/getToken/operationId",
        "no operation is called findToken",
    ),
    "a link to a parameter that is not there": (
        "                query.id: $response.body#/access/token/id\n",
        "                query.token: $response.body#/access/token/id\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1tokens/post/responses/200/links/getToken/parameters/query.token",
        "getToken has no parameter query.token",
    ),
    "a link from what the reply does not carry": (
        "                query.id: $response.body#/access/token/id\n",
        "                query.id: $response.body#/access/token/name\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1tokens/post/responses/200/links/getToken/parameters/query.id",
        "leads nowhere in the success example",
    ),
    "a link from a parameter that the request does not have": (
        "                path.appkey: $request.path.appkey\n",
        "                path.appkey: $request.path.key\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1tokens/post/responses/200/links/getToken/parameters/path.appkey",
        "issueToken has no parameter path.key",
    ),
    "an unknown value of x-retry": (
        "      x-retry: never\n",
        "      x-retry: sometimes\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1instances/post/x-retry",
        '"sometimes" is not one of',
    ),
    "a missing x-retry": (
        "      x-retry: never\n",
        "",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1instances/post",
        "x-retry is missing on createInstance",
    ),
    "an extension with a misspelt name": (
        "      x-retry: never\n",
        "      x-rety: never\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1instances/post/x-rety",
        "x-rety is an unknown extension",
    ),
    "an extension where nothing reads it": (
        "    Flavor:\n      type: object\n",
        "    Flavor:\n      type: object\n      x-retry: safe\n",
        "#/components/schemas/Flavor/x-retry",
        "nothing reads x-retry at this place",
    ),
    "a success that names no member of its reply": (
        "        required: [flavors]",
        "        required: [flavours]",
        "#/components/schemas/FlavorsReply/x-success",
        "flavours is not a payload member of FlavorsReply",
    ),
    "a success for an action that is not there": (
        "          uploadImage: [createdImage]",
        "          snapshot: [createdImage]",
        "#/components/schemas/ActionReply/x-success/requiredFor/snapshot",
        "snapshot is not a discriminator value",
    ),
    "a request example that the schema refuses": (
        "                    count: 1\n",
        "                    count: 11\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1instances/post/requestBody/content/application~1json"
        "/examples/create/value/instance/count",
        "11 is greater than the maximum of 10",
    ),
    "a success example without its payload": (
        "                    attachment:\n                      device: /dev/vdc\n",
        "                    attachmant:\n                      device: /dev/vdc\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1instances~1{instanceId}~1attachments/post/responses/200/content"
        "/application~1json/examples/success/value",
        "attach",
    ),
    "a failure example that claims success": (
        "header: {isSuccessful: false, resultCode: 40409,",
        "header: {isSuccessful: true, resultCode: 40409,",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1instances~1{instanceId}~1attachments/post/responses/200/content"
        "/application~1json/examples/failure/value/header/isSuccessful",
        "false was expected",
    ),
    "a parameter example that the schema refuses": (
        "      example: demo-appkey\n",
        "      example: ''\n",
        "#/components/parameters/Appkey/example",
        "shorter than 1",
    ),
    "a schema example that is not a time": (
        "        - '2017-05-16T03:17:50Z'",
        "        - 'yesterday'",
        "#/components/schemas/Timestamp/examples/1",
        '"yesterday" does not match',
    ),
    "an inline object": (
        "        zoneState:\n          $ref: '#/components/schemas/AvailabilityZoneState'",
        "        zoneState:\n          type: object\n          properties: {available: {type: boolean}}",
        "#/components/schemas/AvailabilityZone/properties/zoneState",
        "must be a named component",
    ),
    "a component that nothing uses": (
        "    # Tokens\n",
        "    Unused:\n      type: string\n",
        "#/components/schemas/Unused",
        "nothing uses this component",
    ),
    "an open object in a request": (
        "      description: The body of createInstance.\n      additionalProperties: false\n",
        "      description: The body of createInstance.\n",
        "#/components/schemas/CreateInstanceRequest",
        "must be closed",
    ),
    "an object that is both sent and received": (
        "            $ref: '#/components/schemas/SecurityGroupSpec'",
        "            $ref: '#/components/schemas/SecurityGroupReference'",
        "#/components/schemas/SecurityGroupReference",
        "is used in requests, which are closed, and in replies, which are open",
    ),
    "a time with a format": (
        "    Timestamp:\n      type: string\n",
        "    Timestamp:\n      type: string\n      format: date-time\n",
        "#/components/schemas/Timestamp/format",
        "use x-timestamp",
    ),
    "a value that two enums share": (
        "      enum: [SOFT, HARD]",
        "      enum: [SOFT, HARD, STOP]",
        "#/components/schemas/RebootType/enum",
        "'STOP' is in the enum InstanceStatus too",
    ),
    "a status without a state": (
        "    MIGRATING: {transient: true, next: [ACTIVE, STOP, ERROR, DELETING], basis: assumed}\n",
        "",
        "#/x-lifecycle/states",
        "the status MIGRATING is missing",
    ),
    "a move of an operation that is not there": (
        "    reboot: {from: [ACTIVE],",
        "    restart: {from: [ACTIVE],",
        "#/x-lifecycle/operations/restart",
        "restart is neither an operationId nor an action",
    ),
    "a move that the states do not allow": (
        "    start: {from: [STOP],",
        "    start: {from: [ACTIVE],",
        "#/x-lifecycle/operations/start",
        "from ACTIVE to POWERING_ON",
    ),
    "a result code of an unknown kind": (
        "kind: not-supported,",
        "kind: unsupported,",
        "#/x-result-codes/codes/7/kind",
        '"unsupported" is not one of',
    ),
    "a misspelt schema keyword": (
        "          maxLength: 20\n",
        "          maxlength: 20\n",
        "#/components/schemas/InstanceSpec/properties/name/maxlength",
        "maxlength is not a schema keyword",
    ),
    "a type that JSON does not have": (
        "    Flavor:\n      type: object\n",
        "    Flavor:\n      type: thing\n",
        "#/components/schemas/Flavor/type",
        '"thing" is not valid',
    ),
    "a path parameter that is not described": (
        "  /v1.0/appkeys/{appkey}/flavors:\n",
        "  /v1.0/appkeys/{appkey}/flavors/{family}:\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1flavors~1{family}/get",
        "the path names ['appkey', 'family']",
    ),
    "a reply without an example of success": (
        "                success:\n                  summary: Both zones\n",
        "                succes:\n                  summary: Both zones\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1availability-zones/get/responses/200/content/application~1json",
        "an example called success is missing",
    ),
    "a reply example that is neither success nor failure": (
        "                successUpload:\n",
        "                upload:\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1keypairs/post/responses/200/content/application~1json"
        "/examples/upload/value",
        "must be called success... or failure...",
    ),
    "a parameter without an example": (
        "      example: demo-appkey\n",
        "",
        "#/components/parameters/Appkey",
        "an example is missing",
    ),
    "an inline enum": (
        "          description: The name of the role.\n",
        "          description: The name of the role.\n          enum: [member]\n",
        "#/components/schemas/Role/properties/name",
        "an enum must be a named component",
    ),
    "an enum of numbers": (
        "      enum: [SOFT, HARD]",
        "      enum: [1, 2]",
        "#/components/schemas/RebootType/enum",
        "an enum must be of strings",
    ),
    "a member that can only be written": (
        "          format: password\n          description: The API password",
        "          writeOnly: true\n          description: The API password",
        "#/components/schemas/Credentials/properties/password/writeOnly",
        "writeOnly is not a schema keyword that is used here",
    ),
    "a required member that is not described": (
        "required: [zoneName, zoneState]",
        "required: [zoneName, zoneState, zone]",
        "#/components/schemas/AvailabilityZone/required",
        "zone is required but not described",
    ),
    "a closed object in a reply": (
        "    Flavor:\n      type: object\n",
        "    Flavor:\n      type: object\n      additionalProperties: false\n",
        "#/components/schemas/Flavor/additionalProperties",
        "must stay open",
    ),
    "a mapping to a schema that is not a member of the union": (
        "        - $ref: '#/components/schemas/StopAction'\n",
        "",
        "#/components/schemas/InstanceAction/discriminator/mapping/stop",
        "StopAction is not a member of oneOf",
    ),
    "a tag that may be left out": (
        "      required: [action]\n",
        "      required: []\n",
        "#/components/schemas/InstanceAction/discriminator/mapping/start",
        "action must be required in StartAction",
    ),
    "a duration whose least is over its most": (
        "seconds: {min: 5, max: 12}",
        "seconds: {min: 15, max: 12}",
        "#/x-lifecycle/operations/createInstance/seconds",
        "min is over max",
    ),
    "a result code that is listed twice": (
        "{code: -2,",
        "{code: -1,",
        "#/x-result-codes/codes/2",
        "the code -1 is listed twice",
    ),
    "ranges that overlap": (
        "{from: 11400,",
        "{from: 10450,",
        "#/x-result-codes/ranges/1",
        "must ascend and not overlap",
    ),
    "a state that leads to no status": (
        "next: [POWERING_OFF, DELETING]",
        "next: [POWERING_OFF, GONE]",
        "#/x-lifecycle/states/ERROR/next",
        "GONE is not a status of the resource",
    ),
    "parameters on a path": (
        "  /v1.0/appkeys/{appkey}/flavors:\n",
        "  /v1.0/appkeys/{appkey}/flavors:\n    parameters: []\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1flavors/parameters",
        "parameters belong to the operation",
    ),
    "an inline body": (
        "              $ref: '#/components/schemas/AttachVolumeRequest'",
        "              type: string",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1instances~1{instanceId}~1attachments/post/requestBody",
        "the body must be a $ref to a component",
    ),
    "a reply with another status": (
        "        '200':\n          description: All flavors, or a refusal.",
        "        '404':\n          description: All flavors, or a refusal.",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1flavors/get/responses",
        "answers 200 to everything",
    ),
    "a tag that the document does not list": (
        "      tags: [flavors]\n",
        "      tags: [sizes]\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1flavors/get",
        "exactly one of the document's tags",
    ),
    "a header parameter": (
        "        - name: name\n          in: query\n",
        "        - name: name\n          in: header\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1keypairs/get/parameters/1",
        "a header parameter is not generated",
    ),
    "a parameter with an inline schema": (
        "            $ref: '#/components/schemas/TokenId'\n",
        "            type: string\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1tokens/get/parameters/1",
        "must be a $ref to a component",
    ),
    "a parameter that is not a string": (
        "            $ref: '#/components/schemas/TokenId'\n",
        "            $ref: '#/components/schemas/InstanceMetadata'\n",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1tokens/get/parameters/1",
        "must be a string, and InstanceMetadata is not",
    ),
    "an inline reply": (
        "                $ref: '#/components/schemas/FlavorsReply'",
        "                type: object",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1flavors/get/responses/200/content/application~1json/schema",
        "the 200 reply must be a $ref",
    ),
    "a reply without an envelope's name": (
        "$ref: '#/components/schemas/FlavorsReply'",
        "$ref: '#/components/schemas/Flavor'",
        "#/paths/~1v1.0~1appkeys~1{appkey}~1flavors/get/responses/200/content/application~1json/schema",
        "must be Envelope or be called ...Reply, not Flavor",
    ),
    "a reply that does not say what a success carries": (
        "      x-success:\n        required: [flavors]\n",
        "",
        "#/components/schemas/FlavorsReply",
        "x-success is missing",
    ),
    "a reply without the envelope": (
        "      description: The reply of listFlavors.\n      allOf:\n        - $ref: '#/components/schemas/Envelope'\n",
        "      description: The reply of listFlavors.\n      allOf:\n",
        "#/components/schemas/FlavorsReply",
        "must be allOf of Envelope and one object",
    ),
    "a payload that is required by the lenient reply": (
        "          properties:\n            flavors:\n",
        "          required: [flavors]\n          properties:\n            flavors:\n",
        "#/components/schemas/FlavorsReply/allOf/1/required",
        "payload members are optional here",
    ),
    "a contract without a server": (
        "servers:\n  - url: https://api-compute.cloud.toast.com/compute\n    description: Korea region\n",
        "",
        "#",
        "servers is missing",
    ),
    "a token that is not a header": (
        "      in: header\n",
        "      in: query\n",
        "#/components/securitySchemes",
        "the token in a header",
    ),
    "a contract of another OpenAPI": (
        "openapi: 3.1.0\n",
        "openapi: 3.2.0\n",
        "#/openapi",
        "3.",
    ),
    "a document that is not OpenAPI": (
        "info:\n  title: TOAST Compute Instance API\n",
        "info:\n",
        "#/info",
        '"title" is a required property',
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_contract_is_refused_in_one_line_that_names_the_place(
    fault: str, contract_text: str, run: Callable[..., Outcome]
) -> None:
    old, new, pointer, words = BROKEN[fault]
    assert old in contract_text, "the fault must change the contract"
    outcome = run(contract_text.replace(old, new, 1))
    assert outcome.status == 1
    assert len(outcome.lines) == 1, outcome.lines
    file, line, rest = outcome.lines[0].split(":", 2)
    assert file == "openapi.yaml"
    assert int(line) > 0
    assert rest.startswith(f" {pointer}: "), outcome.lines[0]
    assert words in rest


def test_contract_without_the_header_of_the_envelope_is_refused(
    contract_text: str, run: Callable[..., Outcome]
) -> None:
    outcome = run(contract_text.replace("ResultHeader", "Header"))
    assert outcome.lines[0].endswith(" #/components/schemas: the component ResultHeader is missing")


def test_component_named_like_a_constructor_in_go_is_refused(contract_text: str, run: Callable[..., Outcome]) -> None:
    outcome = run(contract_text.replace("InstanceSpec", "NewInstance"))
    place = "#/components/schemas/NewInstance"
    assert outcome.lines[0].endswith(f" {place}: NewInstance is also what Go calls the constructor of Instance")


def test_error_names_the_line_of_the_fault(contract_text: str, run: Callable[..., Outcome]) -> None:
    broken = contract_text.replace("      enum: [SOFT, HARD]", "      enum: [SOFT, HARD, STOP]")
    wanted = broken.splitlines().index("      enum: [SOFT, HARD, STOP]") + 1
    assert run(broken).lines[0].startswith(f"openapi.yaml:{wanted}: ")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("openapi: 3.1.0\ninfo: [\n", 3, "not valid YAML"),
        ("openapi: 3.1.0\ninfo: {}\ninfo: {}\n", 3, 'duplicate key "info"'),
        ("- openapi\n", 1, "must be a mapping"),
        ("openapi: 3.1.0\ninfo: {title: x, version: 1}\npaths: {200: {}}\n", 3, "200 must be a string; quote it"),
        ("openapi: 3.1.0\ninfo: {title: x, version: 2026-01-01}\n", 2, "is not a JSON value; quote it"),
        ("openapi: 3.1.0\ninfo: {title: x, version: '1'}\npaths: {}\n", 1, "components is missing"),
        ("", 1, "must be a mapping"),
        ("openapi: \x07\n", 1, "not valid YAML"),
    ],
)
def test_file_that_is_not_a_contract_is_refused_with_its_line(
    text: str, line: int, words: str, run: Callable[..., Outcome]
) -> None:
    outcome = run(text)
    assert outcome.status == 1
    assert len(outcome.lines) == 1
    assert outcome.lines[0].startswith(f"openapi.yaml:{line}: "), outcome.lines
    assert words in outcome.lines[0]


def test_file_that_is_not_text_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "openapi.yaml"
    source.write_bytes(b"openapi: \xff\xfe")
    assert main(["check", "--contract", str(source)]) == 1
    assert capsys.readouterr().err == "openapi.yaml: cannot be read as UTF-8 text (UnicodeDecodeError)\n"


def test_refused_contract_leaves_the_generated_package_unchanged(
    contract_text: str, run: Callable[..., Outcome]
) -> None:
    outcome = run("openapi: [", "generate")
    outcome.output.mkdir()
    (outcome.output / "models.py").write_text("before", encoding="utf-8")
    outcome = run(contract_text.replace("      operationId: listFlavors\n", ""), "generate")
    assert outcome.status == 1
    assert [path.name for path in outcome.output.iterdir()] == ["models.py"]
    assert (outcome.output / "models.py").read_text(encoding="utf-8") == "before"


def test_missing_contract_ends_the_command_without_a_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "generator", "check", "--contract", "nowhere.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "nowhere.yaml: there is no such file\n"


def test_real_contract_passes_every_check(contract_text: str, run: Callable[..., Outcome]) -> None:
    assert run(contract_text) == Outcome(0, [], run(contract_text).output)
