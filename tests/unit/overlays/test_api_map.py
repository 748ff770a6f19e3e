"""Is docs/api.md what `make generate` writes, does it tell of everything, and is what it tells true?"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import toast_compute
import toast_compute_api
from toast_compute import AsyncToastCompute, ToastCompute, errors
from toast_compute._config import ENVIRONMENT
from toast_compute._profiles import PROFILE_VARIABLE
from toast_compute._refusals import refusal
from toast_compute_api.api.instance_actions.run_instance_action import OPERATION as RUN_INSTANCE_ACTION
from toast_compute_api.behaviour import OPERATIONS, RESULT_CODES, SUBSYSTEM_RANGES
from toast_compute_mock import MockCloud

from generator import api_map
from generator.contract import Contract
from generator.contract.document import load
from generator.errors import GenerationError

from .mocked import BATCH, NEW, VOLUME, WEB, client, fresh_cloud

ROOT = Path(__file__).resolve().parents[3]
SDK = ROOT / "overlays" / "toast_compute"
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
PARTS = ("tokens", "availability_zones", "flavors", "instances", "keypairs")


def rows(title: str, level: str = "##") -> list[list[str]]:
    """The rows of the tables of a section, without their heads."""
    section = PAGE.split(f"\n{level} {title}\n")[1].split(f"\n{level} ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    heads = {index for row, index in zip(cells, range(-1, len(cells)), strict=False) if set(row) == {"---"}}
    return [row for index, row in enumerate(cells) if index not in heads and set(row) != {"---"}]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


METHODS = {
    f"{part}.{code(row[0])[0].partition('(')[0]}".removeprefix("."): row
    for part in ("", *PARTS)
    for row in rows(f"toast.{part}".rstrip("."))
}


def public(owner: object) -> dict[str, Any]:
    return {name: one for name, one in inspect.getmembers(owner, inspect.isroutine) if not name.startswith("_")}


@pytest.fixture
def cloud() -> MockCloud:
    return fresh_cloud()


def test_the_committed_page_is_what_make_generate_writes() -> None:
    assert api_map.derive(Contract(load(ROOT / "openapi.yaml").data), SDK) == PAGE


def test_every_public_method_is_on_the_page_with_its_parameters(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        methods = public(toast) | {
            f"{part}.{name}": method for part in PARTS for name, method in public(getattr(toast, part)).items()
        }
    assert METHODS.keys() == methods.keys()
    for name, method in methods.items():
        told = code(METHODS[name][0])[0].partition("(")[2].removesuffix(")")
        names = [one.partition("=")[0].lstrip("*") for one in told.split(", ")] if told else []
        assert [one for one in names if one] == list(inspect.signature(method).parameters), name


def test_every_method_is_told_in_one_sentence_of_its_docstring() -> None:
    for name, row in METHODS.items():
        owner: Any = ToastCompute if "." not in name else None
        if owner is None:
            part, name = name.split(".")
            owner = import_module(f"toast_compute.resources.{part}")
            owner = getattr(owner, "".join(map(str.capitalize, part.split("_"))))
        docstring = " ".join((inspect.getdoc(getattr(owner, name)) or "").split())
        assert row[-1], name
        assert docstring.startswith(row[-1].replace("\\|", "|"))


def test_what_is_not_awaited_is_what_the_page_says() -> None:
    (told,) = re.findall(r"all of them are awaited,\s+but for (.*)\.", PAGE)
    plain = {name for name, one in public(AsyncToastCompute).items() if not inspect.iscoroutinefunction(one)}
    assert set(code(told)) == plain


def detach(toast: ToastCompute) -> None:
    toast.instances.attach_volume(WEB, VOLUME)
    toast.instances.detach_volume(WEB, VOLUME)


def wait_until_deleted(toast: ToastCompute) -> None:
    toast.instances.delete(WEB)
    toast.instances.wait_until_deleted(WEB)


# One call of each method, on the default world: WEB runs and BATCH is stopped.
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
    "instances.map": lambda toast: toast.instances.map("stop", [WEB]),
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


def test_every_method_that_sends_something_is_tried() -> None:
    assert CALLS.keys() == {name for name, row in METHODS.items() if row[2]}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_method_sends_what_the_page_says(cloud: MockCloud, name: str) -> None:
    # Refused or not: it was sent.
    with client(cloud) as toast, suppress(errors.APIError):
        CALLS[name](toast)
    seen = {entry.operation for entry in cloud.journal.find()} - BEFORE.get(name, set())
    told, _, looks = METHODS[name][2].partition("; reads ")
    operations, _, action = told.partition(" with ")
    if operations != "any":
        main = set(code(operations))
        assert seen & main
        assert seen <= main | set(code(looks)) | {"issueToken"}
    if action:
        assert [entry.action for entry in cloud.journal.find(operation=RUN_INSTANCE_ACTION.id)] == code(action)


def test_whether_it_is_sent_again_is_what_the_contract_says() -> None:
    modules = [import_module(f"{toast_compute_api.__name__}.{module}") for module in OPERATIONS.values()]
    retries: dict[str, str] = {module.OPERATION.id: module.OPERATION.retry for module in modules}
    actions: dict[str, str] = {
        type_.__struct_config__.tag: one.retry for type_, one in RUN_INSTANCE_ACTION.variants.items()
    }
    retries[RUN_INSTANCE_ACTION.id] = "by action"
    for name, row in METHODS.items():
        operations, _, action = row[2].partition("; reads ")[0].partition(" with ")
        expected = [actions[tag] for tag in code(action)] or [retries[one] for one in code(operations)]
        if row[2] != "any":
            assert row[3] == ", ".join(dict.fromkeys(expected)), name


def test_every_error_is_on_the_page_with_what_it_is() -> None:
    told = {code(row[0])[0]: code(row[1])[0] for row in rows("Errors") if len(row) == 4}
    assert told == {name: getattr(errors, name).__base__.__name__ for name in errors.__all__}


def test_the_result_codes_of_an_error_are_those_that_become_it() -> None:
    told = {code(row[0])[0]: row[3].split(", ") for row in rows("Errors") if len(row) == 4 and row[3]}
    for number in RESULT_CODES:
        name = type(refusal("getToken", number, "", [])).__name__
        if name != "APIError":
            assert any(str(number).endswith(one.removeprefix("...")) for one in told[name]), number
    for name, codes in told.items():
        for one in codes:
            # What ends so is one of each part of the service.
            ending = one.removeprefix("...")
            numbers = [part.first - 400 + int(ending) for part in SUBSYSTEM_RANGES] if ending != one else [int(one)]
            assert {type(refusal("getToken", number, "", [])).__name__ for number in numbers} == {name}, numbers


def test_every_attribute_of_an_error_is_on_the_page() -> None:
    told: dict[str, set[str]] = {}
    for row in rows("Errors"):
        if len(row) == 3:
            told.setdefault(code(row[0])[0], set()).add(code(row[1])[0])
    for name in errors.__all__:
        annotated = inspect.get_annotations(getattr(errors, name))
        assert told.get(name, set()) == set(annotated), name


def test_what_is_public_and_no_model_is_on_the_page() -> None:
    others = set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE))
    assert others | set(errors.__all__) | {"ToastCompute", "AsyncToastCompute"} == set(toast_compute._MODULES)


def test_every_variable_of_the_environment_is_on_the_page() -> None:
    told = {code(row[0])[0]: code(row[1])[0] for row in rows("Environment")}
    assert told == {variable: setting for setting, variable in ENVIRONMENT.items()} | {PROFILE_VARIABLE: "profile"}


def test_a_part_of_an_unknown_class_stops_generation(tmp_path: Path) -> None:
    copy = tmp_path / "toast_compute"
    (copy / "resources").mkdir(parents=True)
    (copy / "_client.py").write_text((SDK / "_client.py").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(GenerationError, match="tokens is no class of resources"):
        api_map.reading.read_sdk(copy, {})
