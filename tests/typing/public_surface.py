"""Assert the exact type that each public method returns. Checked, never run.

`make lint` runs mypy and pyright over it, both in strict mode. Each line is there for both variants.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

import httpx
from toast_compute import (
    Access,
    AsyncToastCompute,
    Attachment,
    Attempt,
    AvailabilityZone,
    BatchResult,
    Clock,
    CreatedImage,
    CreatedKeypair,
    Exchange,
    Flavor,
    Instance,
    InstanceDetail,
    InstanceStatus,
    Keypair,
    NetworkReference,
    RebootType,
    RootVolumeSpec,
    SecurityGroupReference,
    StartAction,
    ToastCompute,
    UploadImageAction,
    UploadImageParameters,
)
from toast_compute_mock import AutoJumpClock, FrozenClock, RealClock, ScaledClock

CLOCKS: list[Clock] = [RealClock(), FrozenClock(), ScaledClock(60), AutoJumpClock()]
IMAGE = UploadImageAction(parameters=UploadImageParameters(name="an image"))
DATA: Mapping[str, Any] = {"action": "start"}


def watch(instance: Instance | None) -> None:
    assert_type(instance, Instance | None)


def construction(transport: httpx.BaseTransport, async_transport: httpx.AsyncBaseTransport, clock: Clock) -> None:
    assert_type(ToastCompute(), ToastCompute)
    assert_type(ToastCompute("k", "u", "p", transport=transport, clock=clock), ToastCompute)
    assert_type(AsyncToastCompute(), AsyncToastCompute)
    assert_type(AsyncToastCompute("k", "u", "p", transport=async_transport, clock=clock), AsyncToastCompute)
    ToastCompute(transport=async_transport)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AsyncToastCompute(transport=transport)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def blocking() -> None:
    with ToastCompute() as toast:
        assert_type(toast, ToastCompute)
        assert_type(toast.tokens.issue(), Access)
        assert_type(toast.tokens.get("t"), Access)
        assert_type(toast.availability_zones.list(), list[AvailabilityZone])
        assert_type(toast.flavors.list(), list[Flavor])
        assert_type(toast.instances.list(), list[Instance])
        assert_type(toast.instances.get("i"), Instance)
        assert_type(toast.instances.get("i").status, InstanceStatus)
        assert_type(toast.instances.list_details(), list[InstanceDetail])
        assert_type(toast.instances.get_details("i"), InstanceDetail)
        created = toast.instances.create(
            name="web-01",
            image="m",
            flavor="f",
            availability_zone="kr-pub-a",
            key_name="my-key",
            networks=[{"subnet_id": "s"}, NetworkReference(id="n")],
            security_groups=["default", SecurityGroupReference(name="web"), {"name": "db"}],
            volume={"size": 20, "type": "General SSD"},
        )
        assert_type(created, Instance)
        created = toast.instances.create(
            name="web-01",
            image="m",
            flavor="f",
            availability_zone="kr-pub-a",
            key_name="my-key",
            networks={"id": "n"},
            security_groups="default",
            volume=RootVolumeSpec(size=20),
            count=2,
        )
        assert_type(created, Instance)
        toast.instances.delete("i")
        toast.instances.start("i")
        toast.instances.stop("i")
        toast.instances.reboot("i")
        toast.instances.reboot("i", "HARD")
        toast.instances.reboot("i", type=RebootType.SOFT)
        toast.instances.reboot("i", "GENTLY")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        toast.instances.resize("i", "f")
        assert_type(toast.instances.upload_image("i", "an image"), CreatedImage)
        toast.instances.add_floating_ip("i", "203.0.113.9", "192.0.2.1")
        toast.instances.remove_floating_ip("i", "203.0.113.9")
        toast.instances.add_security_group("i", "web")
        toast.instances.remove_security_group("i", "web")
        assert_type(toast.instances.run_action("i", IMAGE), CreatedImage)
        toast.instances.run_action("i", StartAction())
        assert_type(toast.instances.run_action("i", DATA), CreatedImage | None)
        assert_type(toast.instances.attach_volume("i", "v"), Attachment)
        toast.instances.detach_volume("i", "v")
        assert_type(toast.instances.wait_for_status("i", "ACTIVE", timeout=600, poll_interval=1.5), Instance)
        toast.instances.wait_until_deleted("i", timeout=600)
        assert_type(toast.instances.wait_for_all(["i", "j"], "ACTIVE"), list[Instance])
        assert_type(toast.keypairs.list(), list[Keypair])
        assert_type(toast.keypairs.get("my-key"), Keypair)
        assert_type(toast.keypairs.create("my-key"), CreatedKeypair)
        assert_type(toast.keypairs.upload("my-key", "ssh-ed25519 AAAA"), CreatedKeypair)
        toast.keypairs.delete("my-key")
        assert_type(toast.instances.map("resize", ["i", "j"], limit=2, flavor="f"), BatchResult)
        toast.instances.wait_for_status("i", "ACTIVE", on_poll=watch, since=toast.instances.get_details("i"))
        with toast.deadline(90), toast.capture() as exchanges:
            toast.flavors.list()
        assert_type(exchanges, list[Exchange])
        assert_type(exchanges[0].attempts, tuple[Attempt, ...])
        assert_type(toast.request("GET", "/flavors", query={"a": "b"}, retry="safe"), Any)
        toast.close()


async def asynchronous() -> None:
    async with AsyncToastCompute() as toast:
        assert_type(toast, AsyncToastCompute)
        assert_type(await toast.tokens.issue(), Access)
        assert_type(await toast.tokens.get("t"), Access)
        assert_type(await toast.availability_zones.list(), list[AvailabilityZone])
        assert_type(await toast.flavors.list(), list[Flavor])
        assert_type(await toast.instances.list(), list[Instance])
        assert_type(await toast.instances.get("i"), Instance)
        assert_type((await toast.instances.get("i")).status, InstanceStatus)
        assert_type(await toast.instances.list_details(), list[InstanceDetail])
        assert_type(await toast.instances.get_details("i"), InstanceDetail)
        created = await toast.instances.create(
            name="web-01",
            image="m",
            flavor="f",
            availability_zone="kr-pub-a",
            key_name="my-key",
            networks=[{"subnet_id": "s"}, NetworkReference(id="n")],
            security_groups=["default", SecurityGroupReference(name="web"), {"name": "db"}],
            volume={"size": 20, "type": "General SSD"},
        )
        assert_type(created, Instance)
        created = await toast.instances.create(
            name="web-01",
            image="m",
            flavor="f",
            availability_zone="kr-pub-a",
            key_name="my-key",
            networks={"id": "n"},
            security_groups="default",
            volume=RootVolumeSpec(size=20),
            count=2,
        )
        assert_type(created, Instance)
        await toast.instances.delete("i")
        await toast.instances.start("i")
        await toast.instances.stop("i")
        await toast.instances.reboot("i")
        await toast.instances.reboot("i", "HARD")
        await toast.instances.reboot("i", type=RebootType.SOFT)
        await toast.instances.reboot("i", "GENTLY")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        await toast.instances.resize("i", "f")
        assert_type(await toast.instances.upload_image("i", "an image"), CreatedImage)
        await toast.instances.add_floating_ip("i", "203.0.113.9", "192.0.2.1")
        await toast.instances.remove_floating_ip("i", "203.0.113.9")
        await toast.instances.add_security_group("i", "web")
        await toast.instances.remove_security_group("i", "web")
        assert_type(await toast.instances.run_action("i", IMAGE), CreatedImage)
        await toast.instances.run_action("i", StartAction())
        assert_type(await toast.instances.run_action("i", DATA), CreatedImage | None)
        assert_type(await toast.instances.attach_volume("i", "v"), Attachment)
        await toast.instances.detach_volume("i", "v")
        assert_type(await toast.instances.wait_for_status("i", "ACTIVE", timeout=600, poll_interval=1.5), Instance)
        await toast.instances.wait_until_deleted("i", timeout=600)
        assert_type(await toast.instances.wait_for_all(["i", "j"], "ACTIVE"), list[Instance])
        assert_type(await toast.keypairs.list(), list[Keypair])
        assert_type(await toast.keypairs.get("my-key"), Keypair)
        assert_type(await toast.keypairs.create("my-key"), CreatedKeypair)
        assert_type(await toast.keypairs.upload("my-key", "ssh-ed25519 AAAA"), CreatedKeypair)
        await toast.keypairs.delete("my-key")
        assert_type(await toast.instances.map("resize", ["i", "j"], limit=2, flavor="f"), BatchResult)
        details = await toast.instances.get_details("i")
        await toast.instances.wait_for_status("i", "ACTIVE", on_poll=watch, since=details)
        with toast.deadline(90), toast.capture() as exchanges:
            await toast.flavors.list()
        assert_type(exchanges, list[Exchange])
        assert_type(exchanges[0].attempts, tuple[Attempt, ...])
        assert_type(await toast.request("GET", "/flavors", query={"a": "b"}, retry="safe"), Any)
        await toast.close()
