"""Checks of examples: each against its schema, replies against the strict success or failure schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from ..contract import Contract
from ..contract.document import pointer_of, resolve
from ..contract.references import SCHEMAS
from ..contract.replies import FAILURE, operations_of
from ..emit import strict_document
from ..errors import ContractError
from .structure import pointer_to, subschemas


def check(contract: Contract) -> None:
    """Check every example of a request, a reply, a parameter and a schema.

    Raises:
        ContractError: An example is missing or is not valid.
    """
    derived = strict_document.derive(contract)
    validators = _Validators(derived["components"])
    for operation in operations_of(derived):
        for index, spec in enumerate(operation.spec.get("parameters", [])):
            pointer = f"{operation.pointer}/parameters/{index}"
            if "$ref" in spec:
                pointer, spec = spec["$ref"], resolve(contract.data, spec["$ref"])
            validators.check_all(_examples(spec, pointer), [spec["schema"]["$ref"]])
        if operation.request_schema is not None:
            pointer = f"{operation.pointer}/requestBody/content/application~1json"
            content = operation.spec["requestBody"]["content"]["application/json"]
            validators.check_all(_examples(content, pointer), [operation.request_schema["$ref"]])
        _check_replies(operation.pointer, operation.spec, validators)
    for name, schema in contract.schemas.items():
        for pointer, part in subschemas(schema, pointer_of(SCHEMAS, name)):
            for index, value in enumerate(part.get("examples", [])):
                validators.check(value, derived["components"]["schemas"][name], f"{pointer}/examples/{index}")


def _check_replies(pointer: str, spec: dict[str, Any], validators: _Validators) -> None:
    content = spec["responses"]["200"]["content"]["application/json"]
    pointer = f"{pointer}/responses/200/content/application~1json"
    names = spec["x-strict"]
    successes = [names["success"], *names.get("successFor", {}).values()]
    examples = list(_examples(content, pointer))
    for wanted in ("success", "failure"):
        if not any(place.startswith(f"{pointer}/examples/{wanted}") for place, _ in examples):
            raise ContractError(pointer, f"an example called {wanted} is missing")
    for place, value in examples:
        name = place.removesuffix("/value").rpartition("/")[2]
        if name.startswith("success"):
            validators.check_all([(place, value)], [f"{SCHEMAS}/{form}" for form in successes])
        elif name.startswith("failure"):
            validators.check_all([(place, value)], [f"{SCHEMAS}/{FAILURE}"])
        else:
            raise ContractError(place, "a reply example must be called success... or failure...")


def _examples(holder: dict[str, Any], pointer: str) -> Iterator[tuple[str, Any]]:
    found = False
    if "example" in holder:
        found = True
        yield f"{pointer}/example", holder["example"]
    for name, example in holder.get("examples", {}).items():
        found = True
        yield pointer_of(f"{pointer}/examples", name) + "/value", example["value"]
    if not found:
        raise ContractError(pointer, "an example is missing")


class _Validators:
    def __init__(self, components: dict[str, Any]) -> None:
        self._components = components
        self._by_reference: dict[str, jsonschema_rs.Validator] = {}

    def check_all(self, examples: Any, references: list[str]) -> None:
        """Check that each example is valid against one of the schemas; report against the one it comes closest to."""
        for pointer, value in examples:
            attempts = [self._problems(self._validator(reference), value) for reference in references]
            if all(attempts):
                self._refuse(min(attempts, key=len), pointer)

    def check(self, value: Any, schema: dict[str, Any], pointer: str) -> None:
        """Check one example of a schema."""
        validator = self._compile(schema)
        if problems := self._problems(validator, value):
            self._refuse(problems, pointer)

    def _refuse(self, problems: list[jsonschema_rs.ValidationError], pointer: str) -> None:
        problem = max(problems, key=lambda one: len(one.instance_path))
        raise ContractError(pointer_to(problem.instance_path, pointer), problem.message)

    @staticmethod
    def _problems(validator: jsonschema_rs.Validator, value: Any) -> list[jsonschema_rs.ValidationError]:
        return list(validator.iter_errors(value))

    def _validator(self, reference: str) -> jsonschema_rs.Validator:
        if reference not in self._by_reference:
            self._by_reference[reference] = self._compile({"$ref": reference})
        return self._by_reference[reference]

    def _compile(self, schema: dict[str, Any]) -> jsonschema_rs.Validator:
        return jsonschema_rs.validator_for(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": self._components, **schema},
            validate_formats=True,
        )
