"""Drive the whole life of one instance through every operation of the SDK.

Starts the mock on a free port, drives token, zones, flavors, key pair, create, attach, floating IP, security group,
reboot, stop, image, resize, detach and delete, and shows one refused request. Each step is printed with what came back
and how long it took. The exit status is 1 when a step fails.

    python examples/whole_life.py                        # against a mock of its own
    python examples/whole_life.py --base-url URL         # against a mock that already runs
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from toast_compute import APIError, NotFoundError, ToastCompute, ToastComputeError

T = TypeVar("T")

MOCK_SPEED = 10  # the mock's clock runs this many times as fast, so that minutes of building take seconds
MOCK_START_SECONDS = 15.0
POLL_SECONDS = 0.1


class Demo:
    """Runs steps one after another, prints each, and counts them."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.done = 0
        self.current = "start"

    def step(self, title: str, action: Callable[[], T], show: Callable[[T], str], expect: str | None = None) -> T:
        """Run one step and print it; with `expect`, what is shown must be that."""
        self.current = title
        before = time.monotonic()
        result = action()
        shown = show(result)
        milliseconds = (time.monotonic() - before) * 1000
        self.done += 1
        print(f"{self.done:>3}  {title:<26} {shown:<82} {milliseconds:>5.0f} ms", flush=True)
        if expect is not None and shown != expect:
            fail(f"{title}: expected {expect!r}, got {shown!r}")
        return result

    def summary(self) -> str:
        return f"{self.done} steps, all as expected, in {time.monotonic() - self.started:.1f} s"


def mock_world() -> dict[str, Any]:
    """The fixed ids of the mock's default world."""
    shown = subprocess.run(mock_command("--show-world"), check=True, capture_output=True, text=True)
    return dict(json.loads(shown.stdout))


def mock_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "toast_compute_mock", *arguments]


@contextmanager
def running_mock(folder: Path) -> Iterator[str]:
    """A mock on a free port; yields its base URL and ends it afterwards."""
    ready = folder / "ready.json"
    process = subprocess.Popen(
        mock_command("--port", "0", "--ready-file", str(ready), "--clock", f"scaled:{MOCK_SPEED}"),
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + MOCK_START_SECONDS
        while not ready.exists():
            if process.poll() is not None:
                fail(f"the mock ended with status {process.returncode} before it listened")
            if time.monotonic() > deadline:
                fail(f"the mock did not listen within {MOCK_START_SECONDS:.0f} s")
            time.sleep(0.02)
        yield json.loads(ready.read_text())["base_url"]
    finally:
        process.terminate()
        process.wait(timeout=10)


def drive(demo: Demo, toast: ToastCompute, world: dict[str, Any], folder: Path) -> None:
    zone = "kr-pub-a"
    flavor, other_flavor = world["flavors"][0], world["flavors"][1]
    volume = world["volumes"][0]["id"]
    address = world["floating_ips"][0]["address"]
    pem = folder / "demo.pem"

    demo.step("issue a token", toast.tokens.issue, lambda a: f"for user {a.user.id}, until {a.token.expires:%H:%M:%S}")
    demo.step("availability zones", toast.availability_zones.list, lambda zs: ", ".join(z.zone_name for z in zs))
    demo.step("flavors", toast.flavors.list, lambda fs: ", ".join(f.name for f in fs))

    key = demo.step("create a key pair", lambda: toast.keypairs.create("life-key"), lambda k: k.fingerprint)
    demo.step(
        "save its private key",
        lambda: key.save_pem(pem),
        lambda _: f"{pem.name}, mode {pem.stat().st_mode & 0o777:04o}, {pem.stat().st_size} bytes",
    )

    vm = demo.step(
        "create an instance",
        lambda: toast.instances.create(
            name="life-01",
            image=world["images"][0]["id"],
            flavor=flavor["id"],
            availability_zone=zone,
            key_name="life-key",
            networks=[{"subnet_id": world["subnets"][0]["id"]}],
            security_groups=["default"],
            volume={"size": 20, "type": "General SSD"},
        ),
        lambda i: f"{i.id} is {i.status}",
    )
    wait(demo, toast, vm.id, "ACTIVE")
    detail = demo.step(
        "read it in detail",
        lambda: toast.instances.get_details(vm.id),
        lambda d: f"{d.flavor.name} at {d.addresses[0].ip_address}, root disk {d.volumes.root.size} GB",
    )

    demo.step(
        "attach a volume",
        lambda: toast.instances.attach_volume(vm.id, volume),
        lambda a: f"{a.volume_id} as {a.device}",
        expect=f"{volume} as /dev/vdb",
    )
    demo.step(
        "add a floating IP",
        lambda: toast.instances.add_floating_ip(vm.id, address, detail.addresses[0].ip_address),
        lambda _: floating_ip(toast, vm.id),
        expect=address,
    )
    demo.step(
        "add a security group",
        lambda: toast.instances.add_security_group(vm.id, "web"),
        lambda _: groups(toast, vm.id),
        expect="default, web",
    )
    demo.step("reboot", lambda: toast.instances.reboot(vm.id, type="SOFT"), lambda _: status(toast, vm.id))
    wait(demo, toast, vm.id, "ACTIVE")
    demo.step("stop", lambda: toast.instances.stop(vm.id), lambda _: status(toast, vm.id))
    wait(demo, toast, vm.id, "STOP")
    demo.step(
        "upload an image", lambda: toast.instances.upload_image(vm.id, "life-image"), lambda i: f"{i.name} {i.id}"
    )
    demo.step("resize", lambda: toast.instances.resize(vm.id, other_flavor["id"]), lambda _: status(toast, vm.id))
    wait(demo, toast, vm.id, "STOP")
    demo.step(
        "start again",
        lambda: toast.instances.start(vm.id),
        lambda _: toast.instances.get_details(vm.id).flavor.name,
        expect=other_flavor["name"],
    )
    wait(demo, toast, vm.id, "ACTIVE")
    demo.step("refused: a second start", lambda: refused(lambda: toast.instances.start(vm.id)), str)

    demo.step(
        "remove the security group",
        lambda: toast.instances.remove_security_group(vm.id, "web"),
        lambda _: groups(toast, vm.id),
        expect="default",
    )
    demo.step(
        "remove the floating IP",
        lambda: toast.instances.remove_floating_ip(vm.id, address),
        lambda _: floating_ip(toast, vm.id),
        expect="none",
    )
    demo.step(
        "detach the volume",
        lambda: toast.instances.detach_volume(vm.id, volume),
        lambda _: f"{len(toast.instances.get_details(vm.id).volumes.attachments)} attached",
        expect="0 attached",
    )
    demo.step(
        "delete the instance",
        lambda: toast.instances.delete(vm.id),
        lambda _: status(toast, vm.id),
    )
    demo.step(
        "wait until it is gone",
        lambda: toast.instances.wait_until_deleted(vm.id, timeout=60, poll_interval=POLL_SECONDS),
        lambda _: "gone" if all(other.id != vm.id for other in toast.instances.list()) else "still listed",
        expect="gone",
    )
    demo.step(
        "delete the key pair",
        lambda: toast.keypairs.delete("life-key"),
        lambda _: ", ".join(other.name for other in toast.keypairs.list()),
    )


def wait(demo: Demo, toast: ToastCompute, instance_id: str, goal: str) -> None:
    demo.step(
        f"wait for {goal}",
        lambda: toast.instances.wait_for_status(instance_id, goal, timeout=60, poll_interval=POLL_SECONDS),
        lambda i: f"{i.name} is {i.status}",
    )


def status(toast: ToastCompute, instance_id: str) -> str:
    # On a slow machine the mock, whose clock is faster, may be done before this read.
    try:
        return f"is {toast.instances.get(instance_id).status}"
    except NotFoundError:
        return "is gone"


def floating_ip(toast: ToastCompute, instance_id: str) -> str:
    return toast.instances.get_details(instance_id).addresses[0].floating_ip_address or "none"


def groups(toast: ToastCompute, instance_id: str) -> str:
    return ", ".join(group.name for group in toast.instances.get_details(instance_id).security_groups)


def refused(action: Callable[[], None]) -> APIError:
    """The error of a request that must be refused."""
    try:
        action()
    except APIError as error:
        refusal = error
    else:
        fail("a request that must be refused was accepted")
    return refusal


def fail(reason: str) -> NoReturn:
    print(f"whole_life: {reason}", file=sys.stderr)
    raise SystemExit(1)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Drive the whole life of one instance against the mock.")
    parser.add_argument("--base-url", help="use this server instead of starting a mock")
    parser.add_argument("--appkey", default="demo-appkey")
    parser.add_argument("--username", default="demo@example.com")
    parser.add_argument("--password", default="demo-password")
    options = parser.parse_args(arguments)

    demo = Demo()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            if options.base_url:
                run(demo, options, options.base_url, folder)
            else:
                with running_mock(folder) as base_url:
                    run(demo, options, base_url, folder)
        except ToastComputeError as error:
            fail(f"{demo.current}: {error}")
        except BrokenPipeError:
            # The reader of the output is gone; Python would report it once more at the flush.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            fail(f"{demo.current}: the output was closed")
    print(demo.summary())


def run(demo: Demo, options: argparse.Namespace, base_url: str, folder: Path) -> None:
    with ToastCompute(options.appkey, options.username, options.password, base_url=base_url, timeout=10) as toast:
        drive(demo, toast, mock_world(), folder)


if __name__ == "__main__":
    main()
