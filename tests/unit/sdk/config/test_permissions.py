"""Test that a client rejects the changes it is not allowed to send."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from toast_compute import ConfigurationError, NotAllowedError, ToastCompute
from toast_compute_mock import MockCloud

from ..clients import BATCH, NEW, VOLUME, WEB, client

CHANGES: dict[str, Callable[[ToastCompute], object]] = {
    "createInstance": lambda toast: toast.instances.create(**NEW),
    "deleteInstance": lambda toast: toast.instances.delete(WEB),
    "attachVolume": lambda toast: toast.instances.attach_volume(WEB, VOLUME),
    "start": lambda toast: toast.instances.start(BATCH),
    "stop": lambda toast: toast.instances.stop(WEB),
    "uploadImage": lambda toast: toast.instances.upload_image(BATCH, "copy"),
    "createKeypair": lambda toast: toast.keypairs.create("new"),
    "deleteKeypair": lambda toast: toast.keypairs.delete("demo-key"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_read_only_client_changes_nothing(cloud: MockCloud, change: str) -> None:
    with client(cloud, read_only=True) as toast:
        with pytest.raises(NotAllowedError, match=f"^{change} was not sent: this client is read-only"):
            CHANGES[change](toast)
        assert cloud.journal.count() == 0
        toast.instances.list_details()
        toast.tokens.issue()


def test_client_sends_only_the_changes_that_allow_names(cloud: MockCloud) -> None:
    with client(cloud, allow={"start", "createKeypair"}) as toast:
        toast.instances.start(BATCH)
        toast.keypairs.create("new")
        with pytest.raises(NotAllowedError, match=r"^stop was not sent: this client may do createKeypair, start only"):
            toast.instances.stop(WEB)
        with pytest.raises(NotAllowedError):
            toast.instances.run_action(WEB, {"action": "reboot", "parameters": {"type": "SOFT"}})


def test_client_with_an_empty_allow_can_read(cloud: MockCloud) -> None:
    with client(cloud, allow=()) as toast:
        toast.flavors.list()
        with pytest.raises(NotAllowedError, match="may do nothing that changes something"):
            toast.instances.stop(WEB)


def test_unknown_name_in_allow_is_rejected_when_the_client_is_made(cloud: MockCloud) -> None:
    with pytest.raises(ConfigurationError, match=r"'strat'.*did you mean start\?"):
        client(cloud, allow={"strat"})
    with pytest.raises(ConfigurationError, match="allow"):
        client(cloud, allow="start")
