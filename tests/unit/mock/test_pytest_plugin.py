"""Check that a test gets a fresh cloud and a client on it, and fails for what it asked to fail for.

Each test here writes a small test suite and runs pytest on it.
"""

from __future__ import annotations

import pytest

LABEL = "PRIVATE KEY"
CREATE = """
def create(client, name="new-01"):
    return client.instances.create(
        name=name, image="1a9e0000-0000-4000-8000-000000000001", flavor="f1a00000-0000-4000-8000-000000000001",
        availability_zone="kr-pub-a", key_name="demo-key", security_groups=["default"],
        networks=[{"subnet_id": "5b4e0000-0000-4000-8000-000000000001"}],
    )
"""


def run(pytester: pytest.Pytester, suite: str, *options: str, fresh: bool = False) -> pytest.RunResult:
    """Run a suite; `fresh` in a process of its own."""
    pytester.makepyfile(CREATE + suite)
    start = pytester.runpytest_subprocess if fresh else pytester.runpytest_inprocess
    # A plugin of a neighbour loads what the own one must not.
    return start("-p", "no:cacheprovider", "-p", "no:schemathesis", *options)


def test_each_test_gets_a_fresh_cloud(pytester: pytest.Pytester) -> None:
    suite = """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_it(toast_cloud, toast_client, number):
    assert len(toast_client.instances.list()) == 2
    create(toast_client)
    assert toast_cloud.journal.count(operation="createInstance") == 1
"""
    run(pytester, suite).assert_outcomes(passed=3)


def test_wait_of_minutes_takes_no_time_and_ends_at_the_very_moment(pytester: pytest.Pytester) -> None:
    suite = """
import time

def test_it(toast_cloud, toast_client):
    began, start = time.monotonic(), toast_cloud.clock.now()
    vm = create(toast_client)
    toast_client.instances.wait_for_status(vm.id, "ACTIVE", timeout=3600)
    assert toast_cloud.clock.now() - start > 5
    assert time.monotonic() - began < 2
"""
    run(pytester, suite).assert_outcomes(passed=1)


def test_tests_in_several_processes_do_not_see_each_other(pytester: pytest.Pytester) -> None:
    suite = """
import pytest

@pytest.mark.parametrize("number", range(20))
def test_it(toast_client, number):
    ids = [create(toast_client).id for _ in range(3)]
    assert len(toast_client.instances.list()) == 5
    assert ids[0].startswith("584e6d67")
"""
    run(pytester, suite, "-n", "2", fresh=True).assert_outcomes(passed=20)


def test_marker_gives_the_cloud_its_arguments(pytester: pytest.Pytester) -> None:
    suite = """
import pytest
from toast_compute_mock import FrozenClock

@pytest.mark.toast_cloud(seed=7, clock=FrozenClock(1_800_000_000))
def test_it(toast_cloud, toast_client):
    assert toast_cloud.clock.now() == 1_800_000_000
    assert not create(toast_client).id.startswith("584e6d67")
"""
    run(pytester, suite).assert_outcomes(passed=1)


def test_without_being_asked_nothing_fails(pytester: pytest.Pytester) -> None:
    suite = """
def test_it(toast_client):
    create(toast_client)
    create(toast_client)
"""
    run(pytester, suite).assert_outcomes(passed=1)


def test_leaked_instance_fails_the_test_and_is_named(pytester: pytest.Pytester) -> None:
    suite = """
def test_it(toast_client):
    create(toast_client, "left-01")
    toast_client.instances.delete(create(toast_client, "gone-01").id)
"""
    result = run(pytester, suite, "--toast-fail-on=leaked-instances")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*leaked-instances: left-01 * was created and not deleted"])
    result.stdout.no_fnmatch_line("*gone-01*not deleted*")


def test_instance_deleted_by_another_fixture_is_not_leaked(pytester: pytest.Pytester) -> None:
    suite = """
import pytest

@pytest.fixture
def vm(toast_client):
    vm = create(toast_client)
    yield vm
    toast_client.instances.delete(vm.id)

def test_it(vm):
    assert vm.status == "BUILD"
"""
    run(pytester, suite, "--toast-fail-on=all").assert_outcomes(passed=1)


def test_fault_that_never_fired_fails_the_test(pytester: pytest.Pytester) -> None:
    suite = """
from toast_compute_mock import faults

def test_it(toast_cloud, toast_client):
    toast_cloud.faults.add(faults.result_code("listFlavors", -6), faults.result_code("listKeypairs", -6))
    try:
        toast_client.flavors.list()
    except Exception:
        pass
"""
    result = run(pytester, suite, "--toast-fail-on=unused-faults")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["unused-faults: *listKeypairs* never fired"])
    result.stdout.no_fnmatch_line("unused-faults: *listFlavors*")


def test_create_that_is_sent_twice_fails_the_test(pytester: pytest.Pytester) -> None:
    suite = """
def test_it(toast_client):
    create(toast_client, "twin")
    create(toast_client, "twin")
    create(toast_client, "other")
"""
    result = run(pytester, suite, "--toast-fail-on=duplicate-creates")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["duplicate-creates: 2 times *twin*"])


def test_secret_in_the_log_or_in_the_wrong_place_of_a_request_fails_the_test(pytester: pytest.Pytester) -> None:
    suite = """
import httpx, logging

def test_it(toast_cloud):
    logging.getLogger("theirs").warning("login with %s", "demo-password")
    headers = {"X-Auth-Token": "00000000-0000-4000-8000-000000000001", "X-Debug": "demo-password"}
    with httpx.Client(transport=toast_cloud.transport, headers=headers) as client:
        client.get("http://x/compute/v1.0/appkeys/demo-appkey/flavors")
"""
    result = run(pytester, suite, "--toast-fail-on=secrets")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "secrets: a secret in the headers of GET /compute/v1.0/appkeys/[*][*][*]/flavors",
            "secrets: a record of the logger theirs shows a secret",
        ]
    )


def test_sdk_itself_passes_all_checks(pytester: pytest.Pytester) -> None:
    suite = """
import logging

def test_it(toast_client, caplog):
    caplog.set_level(logging.DEBUG)
    vm = create(toast_client)
    toast_client.keypairs.create("mine")
    toast_client.instances.wait_for_status(vm.id, "ACTIVE", timeout=600)
    toast_client.instances.delete(vm.id)
"""
    run(pytester, suite, "--toast-fail-on=all").assert_outcomes(passed=1)


def test_marker_outranks_the_setting(pytester: pytest.Pytester) -> None:
    suite = """
import pytest

@pytest.mark.toast_fail_on()
def test_nothing(toast_client):
    create(toast_client)

@pytest.mark.toast_fail_on("leaked-instances")
def test_one(toast_client):
    create(toast_client)

def test_setting(toast_client):
    create(toast_client, "twin")
    create(toast_client, "twin")
"""
    pytester.makeini("[pytest]\ntoast_fail_on = duplicate-creates\n")
    result = run(pytester, suite)
    result.assert_outcomes(passed=3, errors=2)


def test_command_line_outranks_the_setting(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ntoast_fail_on = all\n")
    suite = "\ndef test_it(toast_client):\n    create(toast_client)\n"
    run(pytester, suite, "--toast-fail-on=").assert_outcomes(passed=1)


@pytest.mark.parametrize("where", ["option", "setting"])
def test_unknown_check_is_refused_before_any_test(pytester: pytest.Pytester, where: str) -> None:
    if where == "setting":
        pytester.makeini("[pytest]\ntoast_fail_on = leaks\n")
    options = ["--toast-fail-on=leaks"] if where == "option" else []
    result = run(pytester, "\ndef test_it():\n    pass\n", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: toast_fail_on: 'leaks' is not one of leaked-instances, unused-faults*"])


def test_plugin_loads_nothing_until_a_fixture_is_used(pytester: pytest.Pytester) -> None:
    suite = """
import sys

def test_it():
    assert not {"toast_compute", "toast_compute_mock", "httpx", "jsonschema_rs"} & sys.modules.keys()
"""
    run(pytester, suite, fresh=True).assert_outcomes(passed=1)


def test_findings_survive_the_eviction_of_their_entries(pytester: pytest.Pytester) -> None:
    suite = """
import httpx, pytest
from toast_compute_mock.journal import Journal

@pytest.mark.toast_cloud(journal=Journal(count_limit=1))
def test_it(toast_cloud, toast_client):
    headers = {"X-Auth-Token": "00000000-0000-4000-8000-000000000001", "X-Debug": "demo-password"}
    with httpx.Client(transport=toast_cloud.transport, headers=headers) as client:
        for _ in range(12):
            client.get("http://x/compute/v1.0/appkeys/demo-appkey/flavors")
    create(toast_client, "twin")
    create(toast_client, "twin")
    toast_client.flavors.list()
    assert len(toast_cloud.journal.find()) == 1
"""
    result = run(pytester, suite, "--toast-fail-on=duplicate-creates,secrets")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "duplicate-creates: 2 times *twin*",
            "secrets: a secret in the headers of GET */flavors",
            "secrets: 12 requests in all had one in the headers",
        ]
    )


def test_create_that_was_lost_and_sent_again_is_not_a_duplicate(pytester: pytest.Pytester) -> None:
    suite = """
import httpx
from toast_compute_mock import faults

def test_it(toast_cloud, toast_client):
    toast_cloud.faults.add(faults.lose_request("createInstance"))
    try:
        create(toast_client)
    except Exception:
        create(toast_client)
    assert toast_cloud.journal.count(operation="createInstance") == 2
"""
    run(pytester, suite, "--toast-fail-on=duplicate-creates").assert_outcomes(passed=1)


def test_request_that_creates_twice_is_a_duplicate(pytester: pytest.Pytester) -> None:
    suite = """
from toast_compute_mock import faults

def test_it(toast_cloud, toast_client):
    toast_cloud.faults.add(faults.apply_twice("createInstance"))
    create(toast_client, "twin")
"""
    result = run(pytester, suite, "--toast-fail-on=duplicate-creates")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["duplicate-creates: 2 times *twin*"])


@pytest.mark.parametrize("secret", ["demo%2Dpassword", f"-----BEGIN {LABEL}-----", "{\\\\u0064emo-appkey}"])
def test_encoded_secret_or_a_private_key_in_the_log_is_found(pytester: pytest.Pytester, secret: str) -> None:
    suite = f"""
import logging

def test_it(toast_cloud):
    logging.getLogger("theirs").warning("got %s", "{secret}")
"""
    result = run(pytester, suite, "--toast-fail-on=secrets")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["secrets: a record of the logger theirs shows a secret"])


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        ("toast_cloud(3)", "toast_cloud: its arguments need names, such as seed=3"),
        ("toast_cloud(sed=3)", "toast_cloud: there is no argument sed, only seed, *"),
        ("toast_cloud(evolution=['none such'])", "toast_cloud: evolution: *"),
        ("toast_fail_on('leaks')", "toast_fail_on: 'leaks' is not one of leaked-instances, unused-faults, *"),
        ("toast_fail_on(['all'])", "toast_fail_on: ['[]'all'[]] is not one of leaked-instances, *"),
        ("toast_fail_on(name='all')", "toast_fail_on: takes names alone, such as toast_fail_on('all')"),
    ],
)
def test_marker_that_cannot_be_understood_ends_in_one_line(pytester: pytest.Pytester, mark: str, says: str) -> None:
    suite = f"""
import pytest

@pytest.mark.{mark}
def test_it(toast_cloud):
    pass
"""
    result = run(pytester, suite)
    result.assert_outcomes(errors=1)
    lines = result.outlines
    begin = next(i for i, line in enumerate(lines) if "ERROR at setup of test_it" in line)
    end = next(i for i, line in enumerate(lines) if "short test summary info" in line)
    assert len(lines[begin + 1 : end]) == 1
    result.stdout.fnmatch_lines([says])


def test_closest_marker_wins(pytester: pytest.Pytester) -> None:
    suite = """
import pytest
from toast_compute_mock import FrozenClock

@pytest.mark.toast_cloud(seed=7, clock=FrozenClock(1_800_000_000))
class TestThem:
    @pytest.mark.toast_cloud(clock=FrozenClock(1_900_000_000))
    def test_it(self, toast_cloud, toast_client):
        assert toast_cloud.clock.now() == 1_900_000_000
        assert not create(toast_client).id.startswith("584e6d67")
"""
    run(pytester, suite).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("end", "outcome"),
    [("assert False", "failed"), ("raise KeyError", "failed"), ("import pytest; pytest.skip('no')", "skipped")],
)
def test_test_that_failed_or_was_skipped_is_not_failed_again(pytester: pytest.Pytester, end: str, outcome: str) -> None:
    suite = f"""
def test_it(toast_client):
    create(toast_client)
    {end}

def test_passing(toast_client):
    create(toast_client)
"""
    result = run(pytester, suite, "--toast-fail-on=all")
    result.assert_outcomes(passed=1, errors=1, **{outcome: 1})
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_passing*"])
