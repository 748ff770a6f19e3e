"""Recover from a lost reply to a create without paying for two instances.

The mock carries out a create and drops the reply, or drops the request before it arrives; for the client both look the
same. The program shows what can be done then, and that no instance is created twice.

    python examples/lost_reply.py
"""

from __future__ import annotations

import sys
from typing import Any

from toast_compute import AmbiguousOutcomeError, ToastCompute, ToastComputeError
from toast_compute_mock import AutoJumpClock, MockCloud, faults

CREDENTIALS = ("demo-appkey", "demo@example.com", "demo-password")
CREATE = "createInstance"
# Ids of the mock's default world: `toast-compute-mock --show-world`.
WANTED: dict[str, Any] = {
    "image": "1a9e0000-0000-4000-8000-000000000001",
    "flavor": "f1a00000-0000-4000-8000-000000000001",
    "availability_zone": "kr-pub-a",
    "key_name": "demo-key",
    "networks": {"subnet_id": "5b4e0000-0000-4000-8000-000000000001"},
    "security_groups": "default",
}


def by_hand(cloud: MockCloud, toast: ToastCompute) -> None:
    """By default the error reports that the outcome is unknown, and the program reads the list itself."""
    cloud.faults.add(faults.lose_reply(CREATE))
    try:
        toast.instances.create(name="by-hand", **WANTED)
    except AmbiguousOutcomeError as error:
        print(f"by hand: {error}")
        for attempt in error.attempts:
            print(f"         {attempt}")
    found = [one.name for one in toast.instances.list() if one.name == "by-hand"]
    print(f"by hand: the list has {len(found)} of them")


def reconciled(cloud: MockCloud, toast: ToastCompute) -> None:
    """The client reads the list before and after, and returns the new instance that matches."""
    cloud.faults.add(faults.lose_reply(CREATE))
    vm = toast.instances.create(name="reconciled", **WANTED, on_ambiguous="reconcile")
    print(f"reconciled: {vm.name} is {vm.status}, as if the reply had come")


def not_found(cloud: MockCloud, toast: ToastCompute) -> None:
    """The request itself was lost: there is no instance to find, and the client does not resend it."""
    cloud.faults.add(faults.lose_request(CREATE))
    try:
        toast.instances.create(name="not-found", **WANTED, on_ambiguous="reconcile")
    except AmbiguousOutcomeError as error:
        print(f"not found: {len(error.candidates)} candidates, and it is not sent again")


def main() -> int:
    cloud = MockCloud(clock=AutoJumpClock())
    try:
        with ToastCompute(*CREDENTIALS, transport=cloud.transport, clock=cloud.clock) as toast:
            there = {one.id for one in toast.instances.list()}
            by_hand(cloud, toast)
            reconciled(cloud, toast)
            not_found(cloud, toast)
            new = [one.id for one in toast.instances.list() if one.id not in there]
            carried_out = sum(one.applied for one in cloud.journal.find(operation=CREATE))
            print(f"3 creates, {carried_out} carried out, {len(new)} new instances")
            toast.instances.map("delete", new).raise_for_failures()
    except ToastComputeError as error:
        print(f"lost_reply: {error}", file=sys.stderr)
        return 1
    return 0 if carried_out == len(new) == 2 else 1


if __name__ == "__main__":
    sys.exit(main())
