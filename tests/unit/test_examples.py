"""Test that the README's program and the whole-life example run, and end in one line on an error."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHOLE_LIFE = ROOT / "examples" / "whole_life.py"


def run(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def test_first_program_of_the_readme_prints_the_expected_lines(tmp_path: Path) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "first.py").write_text(program)
    result = run("first.py", folder=tmp_path)
    assert result.stderr == ""
    assert result.returncode == 0
    assert "web-01 is ACTIVE at 192.168.0.10" in result.stdout
    assert result.stdout.splitlines()[-1] == "batch-01 runs"
    assert len(program.splitlines()) <= 10


def test_whole_life_runs_and_prints_every_operation() -> None:
    result = run(str(WHOLE_LIFE))
    assert result.stderr == ""
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"\d+ steps, all as expected, in \d+\.\d s", lines[-1])
    assert any("mode 0600" in line for line in lines)
    assert any("was refused: Conflict : instance is ACTIVE" in line for line in lines)
    assert "demo-password" not in result.stdout


class _NoEnvelope(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = b"<html>maintenance</html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def server_without_envelope() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _NoEnvelope)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/compute"
    server.shutdown()
    thread.join()
    server.server_close()


def assert_one_line(result: subprocess.CompletedProcess[str], *words: str, secret: str = "demo-password") -> None:
    assert result.returncode == 1, result.stdout
    (line,) = result.stderr.splitlines()
    for word in words:
        assert word in line
    assert secret not in result.stderr + result.stdout
    assert "demo-appkey" not in result.stderr + result.stdout


def test_missing_credential_is_reported_in_one_line() -> None:
    assert_one_line(run(str(WHOLE_LIFE), "--password", ""), "password", "TOAST_COMPUTE_PASSWORD")


def test_wrong_password_is_reported_in_one_line_without_the_password() -> None:
    wrong = "not-the-password"
    assert_one_line(run(str(WHOLE_LIFE), "--password", wrong), "issueToken", "wrong username or password", secret=wrong)


def test_unreachable_server_is_reported_in_one_line() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    result = run(str(WHOLE_LIFE), "--base-url", f"http://127.0.0.1:{port}/compute")
    assert_one_line(result, "127.0.0.1", "refused")


def test_reply_without_an_envelope_is_reported_in_one_line(server_without_envelope: str) -> None:
    assert_one_line(run(str(WHOLE_LIFE), "--base-url", server_without_envelope), "issueToken", "not JSON")
