"""Tests of docs/api.md: it is what the tool writes, it is complete, and what it claims holds against the mock."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import toast_compute
from toast_compute import AsyncToastCompute, ToastCompute, errors
from toast_compute_api.behaviour import RESULT_CODES, SUBSYSTEM_RANGES
from toast_compute_mock import AutoJumpClock, MockCloud, faults

from generator.errors import GenerationError
from tools import api_reference

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
PARTS = ("tokens", "availability_zones", "flavors", "instances", "keypairs")
RUN_ACTION = "runInstanceAction"
CONFLICT = 10409

# In the mock's default world WEB runs and BATCH is stopped.
WEB = "125a0000-0000-4000-8000-000000000001"
BATCH = "125a0000-0000-4000-8000-000000000002"
VOLUME = "b10c0000-0000-4000-8000-000000000001"
NEW: dict[str, Any] = {
    "name": "new-01",
    "image": "1a9e0000-0000-4000-8000-000000000001",
    "flavor": "f1a00000-0000-4000-8000-000000000001",
    "availability_zone": "kr-pub-a",
    "key_name": "demo-key",
    "networks": [{"subnet_id": "5b4e0000-0000-4000-8000-000000000001"}],
    "security_groups": ["default"],
}


def rows(title: str) -> list[list[str]]:
    """Return the rows of the tables of a section, without their heads."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    heads = {index for row, index in zip(cells, range(-1, len(cells)), strict=False) if set(row) == {"---"}}
    return [row for index, row in enumerate(cells) if index not in heads and set(row) != {"---"}]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def sent(name: str) -> tuple[list[str], str, list[str]]:
    """Return what a method sends by its row: the operations, the action, and the operations that it may read."""
    operations, _, reads = METHODS[name][2].partition("; reads ")
    operations, _, action = operations.partition(" with ")
    return code(operations), "".join(code(action)), code(reads)


METHODS = {
    f"{part}.{code(row[0])[0].partition('(')[0]}".removeprefix("."): row
    for part in ("", *PARTS)
    for row in rows(f"toast.{part}".rstrip("."))
}


def public(owner: object) -> dict[str, Any]:
    return {name: one for name, one in inspect.getmembers(owner, inspect.isroutine) if not name.startswith("_")}


def all_methods(toast: ToastCompute | AsyncToastCompute) -> dict[str, Any]:
    return public(toast) | {
        f"{part}.{name}": one for part in PARTS for name, one in public(getattr(toast, part)).items()
    }


@pytest.fixture
def cloud() -> MockCloud:
    return MockCloud(clock=AutoJumpClock())


@pytest.fixture
def toast(cloud: MockCloud) -> Iterator[ToastCompute]:
    settings: dict[str, Any] = {"transport": cloud.transport, "clock": cloud.clock}
    with ToastCompute("demo-appkey", "demo@example.com", "demo-password", **settings) as client:
        yield client


def test_committed_page_is_what_the_tool_writes() -> None:
    assert api_reference.page() == PAGE


def test_every_public_method_is_on_the_page_with_its_parameters(toast: ToastCompute) -> None:
    methods = all_methods(toast)
    assert METHODS.keys() == methods.keys()
    for name, method in methods.items():
        listed = code(METHODS[name][0])[0].partition("(")[2].removesuffix(")")
        names = [one.partition("=")[0].lstrip("*") for one in listed.split(", ")] if listed else []
        assert [one for one in names if one] == list(inspect.signature(method).parameters), name


def test_every_method_is_described_by_the_first_sentence_of_its_docstring(toast: ToastCompute) -> None:
    for name, method in all_methods(toast).items():
        docstring = " ".join((inspect.getdoc(method) or "").split())
        assert METHODS[name][-1], name
        assert docstring.startswith(METHODS[name][-1].replace("\\|", "|"))


def test_methods_that_are_not_awaited_are_those_that_the_page_lists() -> None:
    (listed,) = re.findall(r"all of them are awaited,\s+but for (.*)\.", PAGE)
    plain = {name for name, one in public(AsyncToastCompute).items() if not inspect.iscoroutinefunction(one)}
    assert set(code(listed)) == plain


def detach(toast: ToastCompute) -> None:
    toast.instances.attach_volume(WEB, VOLUME)
    toast.instances.detach_volume(WEB, VOLUME)


def wait_until_deleted(toast: ToastCompute) -> None:
    toast.instances.delete(WEB)
    toast.instances.wait_until_deleted(WEB)


# One call of each method, on the default world.
CALLS: Mapping[str, Callable[[ToastCompute], object]] = {
    "request": lambda toast: toast.request("GET", "/flavors"),
    "tokens.issue": lambda toast: toast.tokens.issue(),
    "tokens.get": lambda toast: toast.tokens.get(toast.tokens.issue().token.id),
    "availability_zones.list": lambda toast: toast.availability_zones.list(),
    "flavors.list": lambda toast: toast.flavors.list(),
    "instances.list": lambda toast: toast.instances.list(),
    "instances.get": lambda toast: toast.instances.get(WEB),
    "instances.list_details": lambda toast: toast.instances.list_details(),
    "instances.get_details": lambda toast: toast.instances.get_details(WEB),
    "instances.create": lambda toast: toast.instances.create(**NEW, on_ambiguous="reconcile"),
    "instances.delete": lambda toast: toast.instances.delete(WEB),
    "instances.attach_volume": lambda toast: toast.instances.attach_volume(WEB, VOLUME),
    "instances.detach_volume": detach,
    "instances.map": lambda toast: [toast.instances.map(method, [WEB]) for method in ("stop", "get")],
    "instances.start": lambda toast: toast.instances.start(BATCH),
    "instances.stop": lambda toast: toast.instances.stop(WEB),
    "instances.reboot": lambda toast: toast.instances.reboot(WEB),
    "instances.resize": lambda toast: toast.instances.resize(WEB, "f1a00000-0000-4000-8000-000000000002"),
    "instances.upload_image": lambda toast: toast.instances.upload_image(BATCH, "image"),
    "instances.add_floating_ip": lambda toast: toast.instances.add_floating_ip(WEB, "203.0.113.10", "192.168.0.10"),
    "instances.remove_floating_ip": lambda toast: toast.instances.remove_floating_ip(WEB, "203.0.113.10"),
    "instances.add_security_group": lambda toast: toast.instances.add_security_group(WEB, "web"),
    "instances.remove_security_group": lambda toast: toast.instances.remove_security_group(WEB, "default"),
    "instances.run_action": lambda toast: toast.instances.run_action(WEB, {"action": "stop"}),
    "instances.wait_for_status": lambda toast: toast.instances.wait_for_status(WEB, "ACTIVE"),
    "instances.wait_until_deleted": wait_until_deleted,
    "instances.wait_for_all": lambda toast: toast.instances.wait_for_all([WEB], "ACTIVE"),
    "keypairs.list": lambda toast: toast.keypairs.list(),
    "keypairs.get": lambda toast: toast.keypairs.get("demo-key"),
    "keypairs.create": lambda toast: toast.keypairs.create("mine"),
    "keypairs.upload": lambda toast: toast.keypairs.upload("mine", "ssh-rsa no key"),
    "keypairs.delete": lambda toast: toast.keypairs.delete("demo-key"),
}
# What a call here needs to have done before.
BEFORE = {
    "tokens.get": {"issueToken"},
    "instances.detach_volume": {"attachVolume"},
    "instances.wait_until_deleted": {"deleteInstance"},
}
READING = sorted(name for name in METHODS if sent(name)[2])


def test_every_method_that_sends_something_is_called_here() -> None:
    assert CALLS.keys() == {name for name, row in METHODS.items() if row[2]}


def test_no_row_is_left_of_a_method_that_is_gone() -> None:
    assert api_reference.SENDS.keys() | api_reference.UNSENT.keys() <= METHODS.keys()


def test_method_without_operations_sends_nothing(cloud: MockCloud, toast: ToastCompute) -> None:
    with toast.capture(), toast.deadline(5):
        pass
    toast.close()
    assert {name for name, row in METHODS.items() if not row[2]} == {"capture", "deadline", "close"}
    assert cloud.journal.find() == []


@pytest.mark.parametrize("name", sorted(CALLS))
def test_method_sends_what_the_page_lists(cloud: MockCloud, toast: ToastCompute, name: str) -> None:
    # Refused or not: it was sent.
    with suppress(errors.APIError):
        CALLS[name](toast)
    seen = {entry.operation for entry in cloud.journal.find()} - BEFORE.get(name, set())
    operations, action, reads = sent(name)
    if METHODS[name][2] != "any":
        assert seen & set(operations)
        assert seen <= {*operations, *reads, "issueToken"}
    if action:
        assert [entry.action for entry in cloud.journal.find(operation=RUN_ACTION)] == [action]


@pytest.mark.parametrize("name", READING)
def test_method_reads_what_the_page_lists_when_a_reply_was_lost_and_the_next_attempt_is_refused(
    cloud: MockCloud, toast: ToastCompute, name: str
) -> None:
    operations, _, reads = sent(name)
    for operation in operations:
        cloud.faults.add(faults.lose_reply(operation, nth=1))
        cloud.faults.add(faults.result_code(operation, CONFLICT, nth=2))
    with suppress(errors.APIError):
        CALLS[name](toast)
    assert {entry.operation for entry in cloud.journal.find()} >= set(reads)


def test_retry_class_is_that_of_the_contract(contract: dict[str, Any]) -> None:
    retries = {spec["operationId"]: spec["x-retry"] for item in contract["paths"].values() for spec in item.values()}
    retries[RUN_ACTION] = "by action"
    schemas = contract["components"]["schemas"]
    mapping = schemas["InstanceAction"]["discriminator"]["mapping"]
    actions = {action: schemas[reference.rpartition("/")[2]]["x-retry"] for action, reference in mapping.items()}
    for name, row in METHODS.items():
        operations, action, _ = sent(name)
        expected = [actions[action]] if action else [retries[one] for one in operations]
        if row[2] != "any":
            assert row[3] == ", ".join(dict.fromkeys(expected)), name


def test_method_without_a_row_stops_the_tool_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(api_reference.SENDS, "keypairs.get")
    with pytest.raises(GenerationError, match=r"^keypairs.get: has no row in SENDS of tools/api_reference.py$"):
        api_reference.page()


def test_every_error_is_on_the_page_with_its_base_class() -> None:
    listed = {code(row[0])[0]: code(row[1])[0] for row in rows("Errors") if len(row) == 4}
    assert listed == {name: getattr(errors, name).__base__.__name__ for name in errors.__all__}


def test_result_codes_of_an_error_are_those_that_become_it(cloud: MockCloud) -> None:
    def raised(number: int) -> str:
        cloud.faults.clear()
        cloud.faults.add(faults.result_code("listFlavors", number, budget=None))
        settings: dict[str, Any] = {"transport": cloud.transport, "clock": cloud.clock, "max_retries": 0}
        with (
            ToastCompute("demo-appkey", "demo@example.com", "demo-password", **settings) as client,
            pytest.raises(errors.APIError) as caught,
        ):
            client.flavors.list()
        return type(caught.value).__name__

    listed = {code(row[0])[0]: row[3].split(", ") for row in rows("Errors") if len(row) == 4 and row[3]}
    for number in RESULT_CODES:
        name = raised(number) if number else "APIError"
        if name != "APIError":
            assert any(str(number).endswith(one.removeprefix("...")) for one in listed[name]), number
    for name, codes in listed.items():
        for one in codes:
            # `...404` stands for one code of each part of the service.
            ending = one.removeprefix("...")
            numbers = [part.first - 400 + int(ending) for part in SUBSYSTEM_RANGES] if ending != one else [int(one)]
            assert {raised(number) for number in numbers} == {name}, numbers


def test_every_attribute_of_an_error_is_on_the_page() -> None:
    listed: dict[str, set[str]] = {}
    for row in rows("Errors"):
        if len(row) == 3:
            listed.setdefault(code(row[0])[0], set()).add(code(row[1])[0])
    for name in errors.__all__:
        annotated = inspect.get_annotations(getattr(errors, name))
        assert listed.get(name, set()) == set(annotated), name


def test_every_public_class_that_is_not_a_model_is_on_the_page() -> None:
    others = set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE))
    public_classes = {
        name for name in toast_compute.__all__ if getattr(toast_compute, name).__module__.startswith("toast_compute.")
    }
    assert others | set(errors.__all__) | {"ToastCompute", "AsyncToastCompute"} == public_classes


def test_every_variable_of_the_environment_is_on_the_page_with_its_argument() -> None:
    sources = Path(toast_compute.__file__ or "").parent.rglob("*.py")
    known = {name for path in sources for name in re.findall(r"TOAST_COMPUTE_[A-Z_]+", path.read_text("utf-8"))}
    listed = {code(row[0])[0]: code(row[1])[0] for row in rows("Environment")}
    assert listed.keys() == known
    assert set(listed.values()) <= inspect.signature(ToastCompute).parameters.keys()
