"""Write docs/api.md, the reference of the SDK's methods: `python -m tools.api_reference`.

Signatures, docstrings and annotations are those of the imported package, `x-retry` and result codes those of the
generated code. What each method sends is listed in SENDS; tests compare the list with what the mock receives.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import toast_compute
import toast_compute_api
from toast_compute import AsyncToastCompute, ToastCompute, errors
from toast_compute_api.api.instance_actions.run_instance_action import OPERATION as RUN_INSTANCE_ACTION
from toast_compute_api.behaviour import OPERATIONS, RESULT_CODES, STATUS_KINDS, SUBSYSTEM_RANGES

from generator.errors import GenerationError

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"

# By method: the operations that it sends, then those that it may read in addition. Actions and the methods in UNSENT
# need no row.
SENDS = {
    "tokens.issue": ("issueToken", ""),
    "tokens.get": ("getToken", ""),
    "availability_zones.list": ("listAvailabilityZones", ""),
    "flavors.list": ("listFlavors", ""),
    "instances.list": ("listInstances", ""),
    "instances.get": ("listInstances", ""),
    "instances.list_details": ("listInstanceDetails", ""),
    "instances.get_details": ("listInstanceDetails", ""),
    "instances.create": ("createInstance", "listInstanceDetails"),
    "instances.delete": ("deleteInstance", "listInstanceDetails"),
    "instances.attach_volume": ("attachVolume", ""),
    "instances.detach_volume": ("detachVolume", "listInstanceDetails"),
    "instances.map": ("deleteInstance runInstanceAction", "listInstanceDetails listInstances"),
    "instances.run_action": ("runInstanceAction", "listInstanceDetails"),
    "instances.wait_for_status": ("listInstances listInstanceDetails", ""),
    "instances.wait_until_deleted": ("listInstances listInstanceDetails", ""),
    "instances.wait_for_all": ("listInstances listInstanceDetails", ""),
    "keypairs.list": ("listKeypairs", ""),
    "keypairs.get": ("listKeypairs", ""),
    "keypairs.create": ("createKeypair", ""),
    "keypairs.upload": ("createKeypair", ""),
    "keypairs.delete": ("deleteKeypair", "listKeypairs"),
}
UNSENT = {"request": ("any", "as `retry` says"), "deadline": ("", ""), "capture": ("", ""), "close": ("", "")}

_CLIENTS = ("ToastCompute", "AsyncToastCompute")
_TITLE = """# The SDK, method by method

Written by `make generate` from the docstrings and `openapi.yaml`; do not edit. How to use it is described in
[sdk.md](sdk.md); types, units, errors and the part of the service's guide are in each method's docstring.

`toast` is a `ToastCompute`. `AsyncToastCompute` has the same methods with the same parameters: all of them are awaited,
but for {plain}.

*operations*: what is sent, by the operationIds of `openapi.yaml`; behind "reads" is what may be read in addition. A
token is issued when it is needed. *sent again*: the operation's `x-retry`. `safe` changes nothing and `idempotent`
nothing more, so both are sent again after a transient failure. `never` is sent again only if it was provably not sent.
"""
_ERRORS = """## Errors

All are in `toast_compute`. *result codes*: what `header.resultCode` of the reply was; `...404` stands for all codes of
the service's parts that end so. Any other code is a plain `APIError`.
"""


def page() -> str:
    """Return the page: every method, its parameters and results, errors, and variables of the environment."""
    plain = " and ".join(f"`{name}`" for name, one in sorted(_methods(AsyncToastCompute)) if not _is_async(one))
    lines = [_TITLE.format(plain=plain), "## toast", "", *_method_table("", ToastCompute)]
    for name, part in inspect.get_annotations(ToastCompute, eval_str=True).items():
        if not name.startswith("_"):
            lines += ["", f"## toast.{name}", "", _sentence(part), "", *_method_table(name, part)]
    lines += ["", "## What goes in and comes out", "", "Besides the models of the contract, by their schemas' names."]
    for one in _other_classes():
        methods = [(f"`{_signature(method)}`", _sentence(method)) for _, method in _methods(one)]
        members = _table(("member", "meaning"), [*_coded(_attributes(one)), *methods])
        lines += ["", f"### {one.__name__}", "", _sentence(one), "", *members]
    lines += ["", _ERRORS, *_error_tables()]
    lines += ["", "## Environment", "", *_table(("variable", "stands for"), _coded(_variables()))]
    return "\n".join(lines) + "\n"


def _other_classes() -> Iterator[type]:
    """Yield the public classes that are neither a client nor an error nor a model of the contract."""
    for name in toast_compute.__all__:
        one = getattr(toast_compute, name)
        if one.__module__.startswith("toast_compute.") and name not in (*errors.__all__, *_CLIENTS):
            yield one


def _error_tables() -> list[str]:
    classes = [getattr(errors, name) for name in vars(errors) if name in errors.__all__]
    kinds = [(f"`{one.__name__}`", f"`{one.__base__.__name__}`", _sentence(one), _codes(one)) for one in classes]
    attributes = [(f"`{one.__name__}`", *row) for one in classes for row in _coded(_attributes(one))]
    return [
        *_table(("class", "is a", "when", "result codes"), kinds),
        "\nEach has the attributes of its base classes, too.\n",
        *_table(("class", "attribute", "meaning"), attributes),
    ]


def _method_table(part: str, owner: type) -> list[str]:
    rows = []
    for name, method in _methods(owner):
        returns = str(inspect.signature(method).return_annotation).replace("builtins.", "")
        sent = _sent(f"{part}.{name}".removeprefix("."))
        rows.append((f"`{_signature(method)}`", f"`{returns}`", *sent, _sentence(method)))
    return _table((f"`toast.{part}".rstrip(".") + ".`", "returns", "operations", "sent again", ""), rows)


def _sent(method: str) -> tuple[str, str]:
    """Return what a method sends and reads, and whether that is sent again."""
    if method in UNSENT:
        return UNSENT[method]
    for type_, variant in RUN_INSTANCE_ACTION.variants.items():
        tag = str(type_.__struct_config__.tag)
        if method == "instances." + re.sub(r"(?=[A-Z])", "_", tag).lower():
            # An action that must not be sent twice is not confirmed by a read: no second attempt is refused.
            reads = "" if variant.retry == "never" else "; reads `listInstanceDetails`"
            return f"`{RUN_INSTANCE_ACTION.id}` with `{tag}`{reads}", variant.retry
    if method not in SENDS:
        raise GenerationError(f"{method}: has no row in SENDS of tools/api_reference.py")
    sent, read = (names.split() for names in SENDS[method])
    retries = dict.fromkeys("by action" if one == RUN_INSTANCE_ACTION.id else _retry(one) for one in sent)
    return _listed(sent) + (f"; reads {_listed(read)}" if read else ""), ", ".join(retries)


def _retry(operation: str) -> str:
    return str(import_module(f"{toast_compute_api.__name__}.{OPERATIONS[operation]}").OPERATION.retry)


def _methods(owner: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods of a class and of its own bases, in the order of their text."""
    for one in owner.__mro__:
        if one.__module__.startswith("toast_compute."):
            for name, member in vars(one).items():
                if inspect.isfunction(member) and not name.startswith("_"):
                    yield name, member


def _is_async(method: Any) -> bool:
    return inspect.iscoroutinefunction(method)


def _signature(method: Any) -> str:
    """Return name and parameters as they are called, without types."""
    signature = inspect.signature(method)
    bare = [one.replace(annotation=one.empty) for one in list(signature.parameters.values())[1:]]
    text = str(signature.replace(parameters=bare, return_annotation=signature.empty)).replace("'", '"')
    return f"{'await ' if _is_async(method) else ''}{method.__name__}{text}"


def _sentence(one: Any) -> str:
    """Return the first sentence of a docstring on one line."""
    paragraph = " ".join((inspect.getdoc(one) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.?!])\s", paragraph, maxsplit=1)[0]


def _attributes(owner: type) -> dict[str, str]:
    """Return what a class holds: the section of its docstring, and the docstrings below its fields."""
    found = _section(inspect.getdoc(owner) or "", "Attributes")
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(node, ast.ClassDef)
    for one, after in zip(node.body, node.body[1:], strict=False):
        match one, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as text)):
                found[name] = " ".join(text.split())
    return found


def _section(docstring: str, title: str) -> dict[str, str]:
    found = re.search(rf"^{title}:\n((?: .*\n?|\n)+)", docstring + "\n", re.MULTILINE)
    entries = re.findall(r"^(\w+): (.*(?:\n\s+.*)*)", inspect.cleandoc(found[1]) if found else "", re.MULTILINE)
    return {name: " ".join(meaning.split()) for name, meaning in entries}


def _codes(error: type) -> str:
    """Return the result codes that become an error class, `...404` for all that end so."""
    in_ranges = {f"...{status}" for status, kind in STATUS_KINDS.items() if _class_name(kind) == error.__name__}
    alone = [
        str(code)
        for code, item in RESULT_CODES.items()
        if _class_name(item.kind) == error.__name__ and not any(code in part for part in SUBSYSTEM_RANGES)
    ]
    return ", ".join([*alone, *sorted(in_ranges)])


def _class_name(kind: str) -> str:
    return "".join(map(str.capitalize, kind.removesuffix("-error").split("-"))) + "Error"


def _variables() -> dict[str, str]:
    """Return the variables of the environment that the client's arguments name."""
    found: dict[str, str] = {}
    for argument, meaning in _section(inspect.getdoc(ToastCompute.__init__) or "", "Args").items():
        for variable in re.findall(r"TOAST_COMPUTE_[A-Z_]+", meaning):
            found.setdefault(variable, f"`{argument}`: {meaning.partition(';')[0]}")
    return found


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _coded(members: dict[str, str]) -> list[tuple[str, str]]:
    return [(f"`{name}`", meaning) for name, meaning in members.items()]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines]


def main() -> int:
    """Write the page and return the exit status: 0, or 1 after one line on stderr."""
    try:
        PAGE.write_text(page(), encoding="utf-8")
    except GenerationError as problem:
        print(f"api-reference: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
