"""How does the map look as a page of the documentation?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .calls import Calls
from .contract import Contract
from .reading import Described, Method, Sdk

_TITLE = """# The SDK, method by method

Written by `make generate` from the docstrings and `openapi.yaml`; do not edit. How to use it is told in
[sdk.md](sdk.md); types, units, errors and the part of the service's guide are in each method's docstring.

`toast` is a `ToastCompute`. `AsyncToastCompute` has the same methods with the same parameters: all of them are awaited,
but for {plain}.

*operations*: what is sent, by the operationIds of `openapi.yaml`; behind "reads" is what may be asked beside that. A
token is issued when it is needed. *sent again*: the operation's `x-retry`. `safe` changes nothing and `idempotent`
nothing more, so both are sent again when a failure may pass. `never` is sent again only when it provably never left."""

_ERRORS = """## Errors

All are in `toast_compute`. *result codes*: what `header.resultCode` of the reply was; `...404` stands for all codes of
the service's parts that end so. Any other code is a plain `APIError`."""


def as_markdown(sdk: Sdk, calls: Calls, contract: Contract) -> str:
    """Return the page: every method, what goes in and comes out, errors, and variables of the environment."""
    plain = " and ".join(f"`{name}`" for name in sorted(sdk.plain))
    lines = [_TITLE.format(plain=plain), "", "## toast", "", *_methods("toast", sdk.client, calls)]
    for attribute, part in sdk.parts.items():
        lines += ["", f"## toast.{attribute}", "", part.summary, "", *_methods(f"toast.{attribute}", part, calls)]
    lines += ["", "## What goes in and comes out", "", "Beside the models of the contract, by their schemas' names."]
    for one in sdk.others:
        lines += ["", f"### {one.name}", "", one.summary, "", *_members(one)]
    lines += ["", _ERRORS, "", *_errors(sdk.errors, contract)]
    lines += ["", "## Environment", "", *_table(("variable", "stands for"), _coded(sdk.variables.items()))]
    return "\n".join(lines) + "\n"


def _methods(owner: str, described: Described, calls: Calls) -> list[str]:
    rows = [
        (f"`{method.signature}`", f"`{method.returns}`", *_sent(method, calls), method.summary)
        for method in described.methods
    ]
    return _table((f"`{owner}.`", "returns", "operations", "sent again", ""), rows)


def _sent(method: Method, calls: Calls) -> tuple[str, str]:
    if not calls.runs(method):
        return "", ""
    sent = calls.of(method)
    if not sent.operations:
        return "any", "as `retry` says"
    operations = _listed(sent.operations)
    if sent.action is not None:
        operations += f" with `{sent.action}`"
    reads = f"; reads {_listed(sent.looks)}" if sent.looks else ""
    return operations + reads, ", ".join(sent.retries)


def _members(one: Described) -> list[str]:
    rows = [(f"`{method.signature}`", method.summary) for method in one.methods]
    return _table(("member", "meaning"), [*_coded(one.attributes.items()), *rows])


def _errors(errors: Sequence[Described], contract: Contract) -> list[str]:
    rows = [
        (
            f"`{error.name}`",
            f"`{error.bases[0]}`",
            error.summary,
            ", ".join(contract.codes(error.name)),
        )
        for error in errors
    ]
    attributes = [
        (f"`{error.name}`", f"`{name}`", meaning) for error in errors for name, meaning in error.attributes.items()
    ]
    return [
        *_table(("class", "is a", "when", "result codes"), rows),
        "",
        "Each has the attributes of what it is, too.",
        "",
        *_table(("class", "attribute", "meaning"), attributes),
    ]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _coded(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(f"`{name}`", meaning) for name, meaning in pairs]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines]
