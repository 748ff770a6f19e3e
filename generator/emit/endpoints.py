"""The endpoint functions, written by openapi-python-client with our template."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path
from typing import Any

from ..contract import Contract
from ..contract.document import resolve
from ..contract.references import component_name
from ..contract.replies import Operation
from ..errors import ContractError, GenerationError

TEMPLATES = Path(__file__).parents[1] / "templates" / "endpoints"


def write(contract: Contract, document: dict[str, Any], target: Path, scratch: Path) -> None:
    """Write the folder of endpoint functions of a contract from the document that was derived for it.

    Raises:
        GenerationError: The generator failed or warned; a warning means that an endpoint was left out.
    """
    # Slow to import, and not needed to check a contract.
    from openapi_python_client import Project
    from openapi_python_client.config import Config, ConfigFile, MetaType
    from openapi_python_client.parser import GeneratorData
    from openapi_python_client.parser.errors import GeneratorError
    from openapi_python_client.strings import PythonIdentifier

    output = scratch / "client"
    config = Config.from_sources(
        ConfigFile(post_hooks=[]),
        MetaType.NONE,
        document_source=scratch / "openapi.json",
        file_encoding="utf-8",
        overwrite=True,
        output_path=output,
    )
    parsed = GeneratorData.from_dict(document, config=config)
    if isinstance(parsed, GeneratorError):
        raise GenerationError(_one_line(parsed))
    project = Project(openapi=parsed, config=config, custom_template_path=TEMPLATES)
    project.env.globals["contract"] = {
        str(PythonIdentifier(operation.id, config.field_prefix)): facts(contract, operation)
        for operation in contract.operations
    }
    with contextlib.redirect_stdout(io.StringIO()):
        problems = project.build()
    for problem in problems:
        raise GenerationError(_one_line(problem))
    # Its models, client and types are not used: the functions use our own.
    shutil.move(output / "api", target)


def facts(contract: Contract, operation: Operation) -> dict[str, Any]:
    """Return the facts about an operation that the template needs and the generator does not pass."""
    spec, reply = operation.spec, contract.replies[operation.id]
    body = component_name(operation.request_schema)
    parameters = [_parameter(contract, operation, index) for index in range(len(spec.get("parameters", [])))]
    variants = _variants(contract, operation)
    groups: dict[str, list[str]] = {}
    for variant in variants:
        groups.setdefault(variant["success"], []).append(variant["schema"])
    names = {reply.success.name, *(item["type"] for item in parameters), *(item["schema"] for item in variants)}
    names |= {item["success"] for item in variants} | ({body} if body else set())
    return {
        "id": operation.id,
        "path": operation.path,
        "title": f"The operation {operation.id}: {spec['summary']}.",
        "retry": spec["x-retry"],
        "needs_token": spec.get("security", contract.data.get("security", [])) != [],
        "success": reply.success.name,
        "body": body,
        "parameters": parameters,
        "variants": variants,
        "groups": groups or {reply.success.name: [body]},
        "imports": sorted(name for name in names if name),
    }


def _parameter(contract: Contract, operation: Operation, index: int) -> dict[str, Any]:
    spec = operation.spec["parameters"][index]
    if "$ref" in spec:
        spec = resolve(contract.data, spec["$ref"])
    type_ = component_name(spec.get("schema"))
    if type_ is None:
        raise ContractError(
            f"{operation.pointer}/parameters/{index}", "the schema of a parameter must be a $ref to a component"
        )
    return {
        "name": spec["name"],
        "location": spec["in"],
        "type": type_,
        "required": spec.get("required", False),
        "sensitive": spec.get("x-sensitive", False),
    }


def _variants(contract: Contract, operation: Operation) -> list[dict[str, Any]]:
    reply = contract.replies[operation.id]
    body = operation.request_schema or {}
    schema = resolve(contract.data, body["$ref"]) if "$ref" in body else body
    mapping: dict[str, str] = schema.get("discriminator", {}).get("mapping", {})
    return [
        {
            "schema": reference.rpartition("/")[2],
            "retry": resolve(contract.data, reference).get("x-retry", operation.spec["x-retry"]),
            "success": reply.success_for.get(value, reply.success).name,
        }
        for value, reference in mapping.items()
    ]


def _one_line(problem: Any) -> str:
    text = f"{problem.header or ''} {problem.detail or ''}"
    return f"openapi-python-client: {' '.join(text.split())}"


def module_name(operation: Operation) -> str:
    """Return the module of an operation's function in the package, such as ``api.instances.list_instances``."""
    from openapi_python_client.strings import PythonIdentifier

    tag = PythonIdentifier(operation.spec["tags"][0], "tag")
    return f"api.{tag}.{PythonIdentifier(operation.id, 'field_')}"
