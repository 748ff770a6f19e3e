"""Bad use is reported in one sentence, and a run over a socket works like one in this process."""

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
from toast_compute_mock.servers.server import ServerThread
from toast_compute_mock.world.seed import default_seed_world

from ..__main__ import main as run_part
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
    """Return the one line that bad use is answered with."""
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
        (("--url", "", *MOCK), "begins with http"),
        (("--url", "http://user:hidden-word@127.0.0.1:1/compute", *MOCK), "must not hold a user name or a password"),
        (("--url", "http://127.0.0.1:1/compute?x=1", *MOCK), "no query"),
        (("--url", "http://127.0.0.1:1/compute#x", *MOCK), "no query"),
    ],
)
def test_bad_use_is_reported_in_one_sentence(
    arguments: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(capsys, *arguments)
    assert named in line
    assert "hidden-word" not in line


def test_service_that_does_not_listen_is_reported_in_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/compute"
        assert "gives no reply" in refusal(capsys, "--url", url, *MOCK)


def test_refused_login_and_another_service_are_reported_in_one_sentence(
    server: ServerThread, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(capsys, "--url", server.base_url, *MOCK[:4], "--password", "wrong")
    assert "login is refused with result code 50401" in line
    assert "login" in refusal(capsys, "--url", f"{server.base_url}/elsewhere", *MOCK)


def test_unwritable_reports_are_reported_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert "--reports" in refusal(capsys, "--reports", str(tmp_path / "file"), *SHORT, "--until", "50")


def test_run_over_a_socket_works_with_what_the_service_lists(
    server: ServerThread, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FUZZ_PASSWORD", "demo-password")
    assert main(("--url", server.base_url, *MOCK[:4], *SHORT, "--reports", str(tmp_path))) == 0, capsys.readouterr().out
    output, report = capsys.readouterr().out, tmp_path / "service.xml"
    assert "fuzz service: examples, from exchange " in output
    assert "0 findings" in output
    for text in (output, report.read_text(encoding="utf-8")):
        assert "demo-password" not in text
        assert "demo-appkey" not in text
    suite = ElementTree.parse(report).getroot()[0]
    assert int(suite.attrib["tests"]) > 30
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("0", "0")


def test_run_deletes_what_it_made_and_nothing_else(tmp_path: Path) -> None:
    cloud = MockCloud(clock=ScaledClock(50))
    with cloud.serve() as server:
        assert main(("--url", server.base_url, *MOCK, *SHORT, "--reports", str(tmp_path))) == 0
    cloud.clock.sleep(LIFECYCLE.operations["deleteInstance"].max_seconds)
    credentials = ("demo-appkey", "demo@example.com", "demo-password")
    with ToastCompute(*credentials, transport=cloud.transport, clock=cloud.clock) as toast:
        assert [instance.name for instance in toast.instances.list()] == ["web-01", "batch-01"]
        assert [keypair.name for keypair in toast.keypairs.list()] == ["demo-key"]


def test_interrupted_run_reports_it_and_leaves_nothing_behind(server: ServerThread, tmp_path: Path) -> None:
    # Who runs the tests may ignore the signal, and then so does a new process.
    program = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('tests.fuzz', run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-c", program, "service", "--url", server.base_url, *MOCK, "--reports", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FUZZ_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as run:
        assert run.stdout is not None
        while "coverage" not in (line := run.stdout.readline()):
            assert line
        run.send_signal(signal.SIGINT)
        output = run.stdout.read()
    assert run.returncode == 130
    assert "the rest was not tried" in output
    assert "Traceback" not in output
    assert "was interrupted" in (tmp_path / "service.xml").read_text(encoding="utf-8")
    with ToastCompute("demo-appkey", "demo@example.com", "demo-password", base_url=server.base_url) as toast:
        assert [pair.name for pair in toast.keypairs.list()] == ["demo-key"]
        for instance in toast.instances.list():
            if instance.name not in ("web-01", "batch-01"):
                assert instance.status == "DELETING"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "names no part"),
        (["nonsense"], "'nonsense' is not a part"),
        (["service", "--mutant"], "--mutant: needs the name"),
        (["--mutant", "no-such-mutant", "service"], "--mutant"),
        (["service", "--nonsense"], "--nonsense"),
    ],
)
def test_bad_use_of_the_parts_is_reported_in_one_sentence(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_part(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert named in lines[0]


def test_closed_output_ends_the_command_silently() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "service", "--phase", "examples", "--only", "listFlavors"]
    with subprocess.Popen([*command, "--until", "50"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 141
