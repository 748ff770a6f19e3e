"""What does a refusal mean when the reply to an earlier try was lost?

The earlier try may have been carried out, and that may be why this one is refused: what was to be deleted is gone, what
was to be started runs. Then the call has succeeded. What the state is decides, not the words of the refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from toast_compute_api import models
from toast_compute_api.behaviour import LIFECYCLE

from .._core.call import OutcomeProbe
from .._core.refusals import is_absence
from .._effects import Effects
from ..errors import APIError, NotFoundError, ToastComputeError
from .polling import Pause, poll_until

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StateReader(Generic[T]):
    """How to look at the thing that it is about."""

    what: str
    """What it is called where the service says that there is none: instance or keypair."""
    look: Callable[[], Effects[T]]
    pause: Pause


_GONE = "gone"


def without_keypair(eyes: StateReader[models.Keypair]) -> OutcomeProbe:
    """Take the deletion of a key pair for done when there is none."""

    def settle(error: APIError) -> Effects[bool]:
        return is_absence(error, eyes.what) or (yield from _sees(eyes, lambda _: False, is_gone_done=True))

    return settle


def moved(eyes: StateReader[models.InstanceDetail], move: str) -> OutcomeProbe:
    """Take a move of the lifecycle for done when the instance's status says that it has begun."""
    expected = LIFECYCLE.operations[move]
    ends = expected.to == _GONE

    def settle(error: APIError) -> Effects[bool]:
        if is_absence(error, eyes.what):
            return ends
        begun = (*expected.through, expected.to)
        return (yield from _sees(eyes, lambda detail: str(detail.status) in begun, is_gone_done=ends))

    return settle


def without_volume(eyes: StateReader[models.InstanceDetail], volume_id: str) -> OutcomeProbe:
    """Take a detachment for done when the instance no longer has the volume."""
    return _when(eyes, lambda detail: volume_id.casefold() not in _volumes(detail))


def of_action(eyes: StateReader[models.InstanceDetail], action: models.InstanceAction) -> OutcomeProbe:
    """Take an action for done when the instance is as the action would leave it."""
    match action:
        case models.AddFloatingIpAction(parameters=models.AddFloatingIpParameters(address=wanted, ip_address=own)):
            return _when(eyes, lambda detail: (own, wanted) in _floating_ips(detail))
        case models.RemoveFloatingIpAction(parameters=models.RemoveFloatingIpParameters(address=unwanted)):
            return _when(eyes, lambda detail: all(address != unwanted for _, address in _floating_ips(detail)))
        case models.AddSecurityGroupAction(parameters=models.AddSecurityGroupParameters(name=joined)):
            return _when(eyes, lambda detail: joined in _security_groups(detail))
        case models.RemoveSecurityGroupAction(parameters=models.RemoveSecurityGroupParameters(name=left)):
            return _when(eyes, lambda detail: left not in _security_groups(detail))
        case _:
            return moved(eyes, str(action.__struct_config__.tag))


def _when(eyes: StateReader[models.InstanceDetail], is_done: Callable[[models.InstanceDetail], bool]) -> OutcomeProbe:
    def settle(_: APIError) -> Effects[bool]:
        return (yield from _sees(eyes, is_done))

    return settle


def _sees(eyes: StateReader[T], is_done: Callable[[T], bool], *, is_gone_done: bool = False) -> Effects[bool]:
    def is_seen() -> Effects[bool]:
        try:
            return is_done((yield from eyes.look()))
        except NotFoundError as error:
            return is_gone_done and is_absence(error, eyes.what)
        except ToastComputeError:
            return False  # nothing is known, so the refusal stands

    return (yield from poll_until(eyes.pause, is_seen))


def _volumes(detail: models.InstanceDetail) -> set[str]:
    return {one.id.casefold() for one in detail.volumes.attachments}


def _floating_ips(detail: models.InstanceDetail) -> set[tuple[str, str | None]]:
    return {(one.ip_address, one.floating_ip_address) for one in detail.addresses}


def _security_groups(detail: models.InstanceDetail) -> set[str]:
    return {group.name for group in detail.security_groups}
