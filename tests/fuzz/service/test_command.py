"""Is bad use told in one sentence, and does a run over a socket work as one in this process?"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from toast_compute import ToastCompute
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import MockCloud, ScaledClock
from toast_compute_mock.server import ServerThread
from toast_compute_mock.worlds import default_seed_world

from .command import main

SHORT = ("--phase", "examples", "--only", "createKeypair", "--only", "listKeypairs")
MOCK = ("--appkey", "demo-appkey", "--username", "demo@example.com", "--password", "demo-password")


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("APPKEY", "USERNAME", "PASSWORD", "EXPIRED_TOKEN", "FOREIGN_TOKEN"):
        monkeypatch.delenv(f"FUZZ_{name}", raising=False)


@pytest.fixture
def server() -> Iterator[ServerThread]:
    """A mock on a socket, whose things are not those of the contract's examples."""
    world = default_seed_world()
    names = {"1a9e0000-0000-4000-8000-000000000001": "image-of-this-service"}
    for image in world.images:
        image.id = names.get(image.id, image.id)
    for instance in world.instances:
        instance.image = names.get(instance.image, instance.image)
    with MockCloud(clock=ScaledClock(50), world=world).serve() as server:
        yield server


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line that is said of bad use."""
    assert main(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert not [line for line in lines if "demo-password" in line or "demo-appkey" in line]
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--seed", "x"), "--seed"),
        (("--minutes", "0"), "--minutes"),
        (("--minutes", "nan"), "--minutes"),
        (("--phase", "x"), "--phase"),
        (("--only", "x"), "--only"),
        (("--nonsense",), "--nonsense"),
        (("--url", "http://127.0.0.1:1", *MOCK[2:]), "--appkey"),
        (("--url", "http://127.0.0.1:1", *MOCK[:4]), "--password"),
        (("--url", "nonsense", *MOCK), "--url"),
        (("--url", "http://[", *MOCK), "--url"),
    ],
)
def test_bad_use_is_told_in_one_sentence_that_names_the_option(
    arguments: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert named in refusal(capsys, *arguments)


def test_a_service_that_is_not_there_is_told_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/compute"
        assert "gives no reply" in refusal(capsys, "--url", url, *MOCK)


def test_a_login_that_is_refused_is_told_in_one_sentence(
    server: ServerThread, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(capsys, "--url", server.base_url, *MOCK[:4], "--password", "wrong")
    assert "login is refused with result code 50401" in line


def test_what_is_no_toast_compute_is_told_in_one_sentence(
    server: ServerThread, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "login" in refusal(capsys, "--url", f"{server.base_url}/elsewhere", *MOCK)


def test_reports_that_cannot_be_written_are_told_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert "--reports" in refusal(capsys, "--reports", str(tmp_path / "file"), *SHORT, "--until", "50")


def test_a_run_over_a_socket_takes_from_the_service_what_it_works_with(
    server: ServerThread, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUZZ_PASSWORD", "demo-password")
    assert main(("--url", server.base_url, *MOCK[:4], *SHORT, "--reports", str(tmp_path))) == 0, capsys.readouterr().out
    assert "fuzz service: examples, from exchange " in capsys.readouterr().out
    report = (tmp_path / "service.md").read_text(encoding="utf-8")
    assert "Nothing was found." in report
    assert "demo-password" not in report
    assert "demo-appkey" not in report
    suite = ElementTree.parse(tmp_path / "service.xml").getroot()[0]
    assert int(suite.attrib["tests"]) > 30
    assert suite.attrib["failures"] == "0"


def test_what_the_run_made_over_a_socket_is_gone_afterwards_and_the_rest_is_untouched(tmp_path: Path) -> None:
    cloud = MockCloud(clock=ScaledClock(50))
    with cloud.serve() as server:
        assert main(("--url", server.base_url, *MOCK, *SHORT, "--reports", str(tmp_path))) == 0
    cloud.clock.sleep(LIFECYCLE.operations["deleteInstance"].max_seconds)
    credentials = ("demo-appkey", "demo@example.com", "demo-password")
    with ToastCompute(*credentials, transport=cloud.transport, clock=cloud.clock) as toast:
        assert [instance.name for instance in toast.instances.list()] == ["web-01", "batch-01"]
        assert [keypair.name for keypair in toast.keypairs.list()] == ["demo-key"]


def test_an_interrupted_run_says_so_and_leaves_nothing_behind(server: ServerThread, tmp_path: Path) -> None:
    # Who runs the tests may ignore the signal, and then so does a new process.
    program = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('tests.fuzz', run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-c", program, "service", "--url", server.base_url, *MOCK, "--reports", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FUZZ_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as run:
        assert run.stdout is not None
        said = [run.stdout.readline()]
        while "coverage" not in said[-1]:
            said.append(run.stdout.readline())
            assert said[-1]
        run.send_signal(signal.SIGINT)
        said.append(run.stdout.read())
    assert run.returncode == 130
    assert "the rest was not tried" in said[-1]
    assert "Traceback" not in said[-1]
    assert "was interrupted" in (tmp_path / "service.md").read_text(encoding="utf-8")
    with ToastCompute("demo-appkey", "demo@example.com", "demo-password", base_url=server.base_url) as toast:
        assert [pair.name for pair in toast.keypairs.list()] == ["demo-key"]
        for instance in toast.instances.list():
            if instance.name not in ("web-01", "batch-01"):
                assert instance.status == "DELETING"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "begins with http"),
        ("http://user:hidden-word@127.0.0.1:1/compute", "must not hold a user name or a password"),
        ("http://127.0.0.1:1/compute?x=1", "no query"),
        ("http://127.0.0.1:1/compute#x", "no query"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_before_anything_is_sent(
    capsys: pytest.CaptureFixture[str], url: str, told: str
) -> None:
    said = refusal(capsys, "--url", url, *MOCK)
    assert told in said
    assert "hidden-word" not in said
