"""The models module, written by datamodel-code-generator with our two templates."""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

from ..contract import Contract
from ..contract.references import is_enum, is_object
from ..errors import GenerationError

TEMPLATES = Path(__file__).parents[1] / "templates" / "models"
BASES = "toast_compute_runtime.models"


def write(contract: Contract, document: dict[str, Any], target: Path, scratch: Path) -> None:
    """Write the models module of a contract from the document that was derived for it.

    Raises:
        GenerationError: The generator failed, or warned: a warning means that something was not generated as written.
    """
    # Slow to import, and not needed to check a contract.
    from datamodel_code_generator import Error, PythonVersion, generate
    from datamodel_code_generator.enums import DataModelType, InputFileType, OpenAPIScope
    from datamodel_code_generator.format import DatetimeClassType

    extra = template_data(contract, document)
    requests = [name for name, facts in extra.items() if facts["side"] == "request"]
    source = scratch / "openapi.json"
    source.write_text(json.dumps(document), encoding="utf-8")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            generate(
                source,
                input_file_type=InputFileType.OpenAPI,
                output=target,
                output_model_type=DataModelType.MsgspecStruct,
                output_datetime_class=DatetimeClassType.Datetime,
                target_python_version=PythonVersion.PY_311,
                openapi_scopes=[OpenAPIScope.Schemas],
                custom_template_dir=TEMPLATES,
                extra_template_data=defaultdict(dict, extra),
                field_extra_keys={"x-description", "x-sensitive"},
                additional_imports=_imports(),
                base_class=f"{BASES}.ReplyModel",
                base_class_map=dict.fromkeys(requests, f"{BASES}.RequestModel"),
                snake_case_field=True,
                use_annotated=True,
                field_constraints=True,
                use_standard_collections=True,
                use_union_operator=True,
                use_schema_description=True,
                capitalise_enum_members=True,
                use_subclass_enum=True,
                use_type_alias=True,
                strict_refs=True,
                disable_timestamp=True,
                custom_file_header=" ",
                formatters=[],
                keyword_only=True,
            )
        except Error as problem:
            raise GenerationError(f"datamodel-code-generator: {' '.join(str(problem).split())}") from None
    for warning in caught:
        if not issubclass(warning.category, DeprecationWarning | PendingDeprecationWarning):
            raise GenerationError(f"datamodel-code-generator: {' '.join(str(warning.message).split())}")


def template_data(contract: Contract, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the facts about each component that the templates need and the generator does not pass."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    enums = sorted(name for name, schema in schemas.items() if is_enum(schema))
    data: dict[str, dict[str, Any]] = {}
    for name, schema in schemas.items():
        if is_object(schema) and name in contract.sent:
            data[name] = {"side": "request", "enums": enums, "least": schema.get("minProperties", 0)}
        elif is_object(schema):
            data[name] = {"side": "reply"}
    return data


def _imports() -> list[str]:
    """Return the imports of the templates, which the generator does not know; ruff removes unused ones."""
    names = ["OpenEnum", "ReplyModel", "RequestModel", "as_utc", "refuse_unknown"]
    others = ["datetime.UTC", "msgspec.structs.force_setattr", "typing.ClassVar"]
    return [*others, *(f"{BASES}.{name}" for name in names)]
