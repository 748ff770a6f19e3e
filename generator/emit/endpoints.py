"""How are the endpoint functions written? Runs openapi-python-client with our endpoint template."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path
from typing import Any

from ..contract.document import resolve
from ..contract.replies import OperationPlace, component_name, operations, reply_of
from ..errors import ContractError, GenerationError
from .python_document import derive

TEMPLATES = Path(__file__).parents[1] / "templates" / "endpoints"


def write(data: dict[str, Any], target: Path, scratch: Path) -> None:
    """Write the folder of endpoint functions from a contract.

    Raises:
        GenerationError: The generator failed or warned; a warning means that an endpoint was left out.
    """
    # Slow to import, and not needed to check a contract.
    from openapi_python_client import Project
    from openapi_python_client.config import Config, ConfigFile, MetaType
    from openapi_python_client.parser import GeneratorData
    from openapi_python_client.parser.errors import GeneratorError
    from openapi_python_client.strings import PythonIdentifier

    # The derived document: its replies name the success models that the functions return.
    document = derive(data)
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
        str(PythonIdentifier(place.id, config.field_prefix)): facts(data, place) for place in operations(data)
    }
    with contextlib.redirect_stdout(io.StringIO()):
        problems = project.build()
    for problem in problems:
        raise GenerationError(_one_line(problem))
    # Its models, client and types are not ours: the functions stand on our own.
    shutil.move(output / "api", target)


def facts(data: dict[str, Any], place: OperationPlace) -> dict[str, Any]:
    """Return what the endpoint template needs of an operation and the generator does not hand on."""
    spec = place.spec
    reply = reply_of(data, place)
    body = component_name(place.request_schema)
    parameters = [_parameter(data, place, index) for index in range(len(spec.get("parameters", [])))]
    variants = _variants(data, place, reply.success.name, {key: form.name for key, form in reply.success_for.items()})
    groups: dict[str, list[str]] = {}
    for variant in variants:
        groups.setdefault(variant["success"], []).append(variant["schema"])
    names = {reply.success.name, *(item["type"] for item in parameters), *(item["schema"] for item in variants)}
    names |= {item["success"] for item in variants} | ({body} if body else set())
    return {
        "id": place.id,
        "path": place.path,
        "question": f"How is {place.id} called? {spec['summary']}.",
        "retry": spec["x-retry"],
        "needs_token": spec.get("security", data.get("security", [])) != [],
        "success": reply.success.name,
        "body": body,
        "parameters": parameters,
        "variants": variants,
        "groups": groups or {reply.success.name: [body]},
        "imports": sorted(name for name in names if name),
    }


def _parameter(data: dict[str, Any], place: OperationPlace, index: int) -> dict[str, Any]:
    spec = place.spec["parameters"][index]
    if "$ref" in spec:
        spec = resolve(data, spec["$ref"])
    type_ = component_name(spec.get("schema"))
    if type_ is None:
        raise ContractError(
            f"{place.pointer}/parameters/{index}", "the schema of a parameter must be a $ref to a component"
        )
    return {
        "name": spec["name"],
        "location": spec["in"],
        "type": type_,
        "required": spec.get("required", False),
        "sensitive": spec.get("x-sensitive", False),
    }


def _variants(
    data: dict[str, Any], place: OperationPlace, usual: str, success_for: dict[str, str]
) -> list[dict[str, Any]]:
    body = place.request_schema or {}
    schema = resolve(data, body["$ref"]) if "$ref" in body else body
    mapping: dict[str, str] = schema.get("discriminator", {}).get("mapping", {})
    return [
        {
            "schema": reference.rpartition("/")[2],
            "retry": resolve(data, reference).get("x-retry", place.spec["x-retry"]),
            "success": success_for.get(value, usual),
        }
        for value, reference in mapping.items()
    ]


def _one_line(problem: Any) -> str:
    text = f"{problem.header or ''} {problem.detail or ''}"
    return f"openapi-python-client: {' '.join(text.split())}"


def module_name(place: OperationPlace) -> str:
    """Return where an operation's function stands in the package, such as ``api.instances.list_instances``."""
    from openapi_python_client.strings import PythonIdentifier

    tag = PythonIdentifier(place.spec["tags"][0], "tag")
    return f"api.{tag}.{PythonIdentifier(place.id, 'field_')}"
