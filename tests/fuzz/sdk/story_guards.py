"""Does a client that may not do something leave it? Clients that only read, and those that may do a few things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from toast_compute import NotAllowedError

from .story import Story, some_instance
from .story_changes import ADDRESSES, FLAVORS, VOLUMES
from .told import TOKEN

_CHANGES: Mapping[str, Callable[[Any, str], Any]] = {
    "deleteInstance": lambda toast, id: toast.instances.delete(id),
    "attachVolume": lambda toast, id: toast.instances.attach_volume(id, VOLUMES[0]),
    "detachVolume": lambda toast, id: toast.instances.detach_volume(id, VOLUMES[0]),
    "createKeypair": lambda toast, _: toast.keypairs.create("key-9"),
    "deleteKeypair": lambda toast, _: toast.keypairs.delete("demo-key"),
    "start": lambda toast, id: toast.instances.start(id),
    "stop": lambda toast, id: toast.instances.stop(id),
    "reboot": lambda toast, id: toast.instances.reboot(id),
    "resize": lambda toast, id: toast.instances.resize(id, FLAVORS[1]),
    "uploadImage": lambda toast, id: toast.instances.upload_image(id, "image-x"),
    "addFloatingIp": lambda toast, id: toast.instances.add_floating_ip(id, ADDRESSES[0], "192.168.0.10"),
    "removeFloatingIp": lambda toast, id: toast.instances.remove_floating_ip(id, ADDRESSES[0]),
    "addSecurityGroup": lambda toast, id: toast.instances.add_security_group(id, "web"),
    "removeSecurityGroup": lambda toast, id: toast.instances.remove_security_group(id, "web"),
}


class Guards(Story):
    """Clients that are not allowed everything."""

    @rule(which=some_instance, change=st.sampled_from(sorted(_CHANGES)))
    def try_with_a_reader(self, which: int, change: str) -> None:
        """Try a change with a client that only reads."""
        id, name = self.pick(which)
        self.say("read-only client", f"a client that only reads tries {change} of {name}")
        self._nothing_is_sent(change, id, read_only=True)

    @rule(which=some_instance, change=st.sampled_from(sorted(_CHANGES)), allowed=st.sampled_from(sorted(_CHANGES)))
    def try_with_a_limited_client(self, which: int, change: str, allowed: str) -> None:
        """Try a change with a client that may do another one."""
        if change == allowed:
            return
        id, name = self.pick(which)
        self.say("limited client", f"a client that may do {allowed} only tries {change} of {name}")
        self._nothing_is_sent(change, id, allow={allowed})

    def _nothing_is_sent(self, change: str, id: str, **options: Any) -> None:
        assert self.driver is not None
        last = self.cloud.journal.last
        _, error = self.driver.call_as(lambda toast: _CHANGES[change](toast, id), **options)
        sent = [entry.operation for entry in self.cloud.journal.find(after=last) if entry.operation != TOKEN]
        self.require(not sent, f"{change} was sent by a client that may not do it")
        self.require(isinstance(error, NotAllowedError), f"{type(error).__name__} for {change}, which is not allowed")
        self.hold_error(error)
