"""Tests of the strict document: it tells valid replies from invalid ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import jsonschema_rs
import pytest

OK = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
NO = {"isSuccessful": False, "resultCode": -5, "resultMessage": "Nonexistent"}


def valid(document: dict[str, Any], name: str, value: Any) -> bool:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return bool(jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(value))


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from item.values()


def examples(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation["responses"]["200"]["content"]["application/json"]["examples"]
    return {name: example["value"] for name, example in content.items()}


def forms(operation: dict[str, Any]) -> list[str]:
    names = operation["x-strict"]
    return [names["success"], *names.get("successFor", {}).values(), names["failure"]]


def by_id(document: dict[str, Any], operation_id: str) -> dict[str, Any]:
    return next(operation for operation in operations(document) if operation["operationId"] == operation_id)


def test_example_is_valid_against_exactly_one_form(strict_document: dict[str, Any]) -> None:
    for operation in operations(strict_document):
        for name, value in examples(operation).items():
            matching = [form for form in forms(operation) if valid(strict_document, form, value)]
            assert len(matching) == 1, (operation["operationId"], name, matching)
            assert (matching == ["Failure"]) is name.startswith("failure")


def test_reply_schema_is_one_of_the_forms(strict_document: dict[str, Any]) -> None:
    for operation in operations(strict_document):
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema == {"oneOf": [{"$ref": f"#/components/schemas/{form}"} for form in forms(operation)]}


def test_success_without_its_payload_is_invalid(strict_document: dict[str, Any]) -> None:
    for operation in operations(strict_document):
        for form in forms(operation):
            empty = form in ("EmptySuccess", "Failure")
            assert valid(strict_document, form, {"header": OK}) is (form == "EmptySuccess"), form
            assert valid(strict_document, form, {"header": NO}) is (empty and form == "Failure"), form


def test_failure_with_more_than_its_header_is_invalid(strict_document: dict[str, Any]) -> None:
    assert valid(strict_document, "Failure", {"header": NO})
    assert not valid(strict_document, "Failure", {"header": NO, "instances": []})
    assert not valid(strict_document, "Failure", {"header": NO | {"resultCode": 0}})
    assert not valid(strict_document, "Failure", {"header": NO | {"isSuccessful": True}})
    assert not valid(strict_document, "Failure", {"header": NO | {"detail": "x"}})


def test_success_is_marked_in_both_members_of_its_header(strict_document: dict[str, Any]) -> None:
    assert not valid(strict_document, "EmptySuccess", {"header": OK | {"isSuccessful": False}})
    assert not valid(strict_document, "EmptySuccess", {"header": OK | {"resultCode": -1}})


def test_only_upload_image_returns_an_image(strict_document: dict[str, Any]) -> None:
    names = by_id(strict_document, "runInstanceAction")["x-strict"]
    assert names == {
        "success": "EmptySuccess",
        "successFor": {"uploadImage": "UploadImageSuccess"},
        "failure": "Failure",
    }
    reply = {"header": OK, "createdImage": {"id": "i", "name": "n"}}
    assert valid(strict_document, "UploadImageSuccess", reply)
    assert not valid(strict_document, "EmptySuccess", reply)


def test_unknown_members_are_refused_at_every_depth(strict_document: dict[str, Any]) -> None:
    reply = examples(by_id(strict_document, "listInstanceDetails"))["success"]
    assert valid(strict_document, "InstanceDetailsSuccess", reply)
    places: list[Callable[[Any], Any]] = [
        lambda value: value,
        lambda value: value["header"],
        lambda value: value["instances"][0],
        lambda value: value["instances"][0]["volumes"]["root"],
        lambda value: value["instances"][0]["addresses"][0],
    ]
    for where in places:
        wrong = deepcopy(reply)
        where(wrong)["surprise"] = 1
        assert not valid(strict_document, "InstanceDetailsSuccess", wrong)


def test_metadata_accepts_any_key_but_only_string_values(strict_document: dict[str, Any]) -> None:
    reply = examples(by_id(strict_document, "listInstanceDetails"))["success"]
    reply["instances"][0]["metadata"] = {"any key": "text"}
    assert valid(strict_document, "InstanceDetailsSuccess", reply)
    reply["instances"][0]["metadata"] = {"any key": 1}
    assert not valid(strict_document, "InstanceDetailsSuccess", reply)


@pytest.mark.parametrize(
    ("moment", "right"),
    [
        ("2017-05-16T02:17:50.166563", True),
        ("2017-05-16T03:17:50Z", True),
        ("2017-05-16 03:17:50", False),
        ("2017-05-16T03:17:50+09:00", False),
        ("yesterday", False),
    ],
)
def test_times_have_one_of_the_documented_forms(strict_document: dict[str, Any], moment: str, right: bool) -> None:
    reply = examples(by_id(strict_document, "issueToken"))["success"]
    reply["access"]["token"]["expires"] = moment
    assert valid(strict_document, "TokenSuccess", reply) is right


def test_lenient_replies_are_removed_and_the_rest_is_kept(
    strict_document: dict[str, Any], contract: dict[str, Any]
) -> None:
    schemas = strict_document["components"]["schemas"]
    assert not [name for name in schemas if name.endswith("Reply")]
    assert "Envelope" not in schemas
    assert "ResultHeader" not in schemas
    for name in ("x-lifecycle", "x-result-codes", "servers", "security"):
        assert strict_document[name] == contract[name]
    for path, item in contract["paths"].items():
        for method, spec in item.items():
            own = strict_document["paths"][path][method]
            assert {key: own[key] for key in spec if key != "responses"} == {
                key: spec[key] for key in spec if key != "responses"
            }
