"""Run several instances at once in asyncio tasks that share one client.

Each of five tasks makes an instance, waits for it, stops and deletes it, with a deadline of its own. The tasks share
the client's connections and token, and their waits share one list per poll. When one task fails, the others continue:
a task that is cancelled during a create or a delete would leave an instance behind.

    python examples/async_instances.py                        # against a mock in this process: no waiting
    python examples/async_instances.py --base-url URL         # against a mock that already runs
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from toast_compute import AsyncToastCompute, ToastComputeError
from toast_compute_mock import AutoJumpClock, MockCloud

CREDENTIALS = ("demo-appkey", "demo@example.com", "demo-password")
SECONDS = 1800.0  # for one instance
HOW_MANY = 5
# Ids of the mock's default world: `toast-compute-mock --show-world`.
WANTED: dict[str, Any] = {
    "image": "1a9e0000-0000-4000-8000-000000000001",
    "availability_zone": "kr-pub-a",
    "key_name": "demo-key",
    "networks": {"subnet_id": "5b4e0000-0000-4000-8000-000000000001"},
    "security_groups": "default",
}


async def live(toast: AsyncToastCompute, name: str, flavor: str) -> str:
    """Drive the life of one instance, and return its statuses as text."""
    vm = await toast.instances.create(name=name, flavor=flavor, **WANTED, on_ambiguous="reconcile")
    seen: list[str] = [vm.status]
    try:
        with toast.deadline(SECONDS):
            seen.append((await toast.instances.wait_for_status(vm.id, "ACTIVE", timeout=SECONDS)).status)
            await toast.instances.stop(vm.id)
            seen.append((await toast.instances.wait_for_status(vm.id, "STOP", timeout=SECONDS)).status)
    finally:
        # Outside of the deadline: time may be what ran out.
        await toast.instances.delete(vm.id)
    await toast.instances.wait_until_deleted(vm.id)
    return f"{name}: {' -> '.join([*seen, 'deleted'])}"


async def drive(toast: AsyncToastCompute) -> None:
    # The exchanges of tasks that are started in the block are captured too.
    with toast.capture() as exchanges:
        flavor = min(await toast.flavors.list(), key=lambda one: (one.vcpus, one.ram))
        lives = (live(toast, f"async-{number:02}", flavor.id) for number in range(1, HOW_MANY + 1))
        outcomes = await asyncio.gather(*lives, return_exceptions=True)
    print(*(one for one in outcomes if isinstance(one, str)), sep="\n", flush=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    polls = sum(one.operation.startswith("listInstance") for one in exchanges)
    tokens = sum(one.operation == "issueToken" for one in exchanges)
    print(f"{HOW_MANY} tasks needed {tokens} token, {polls} polls and {len(exchanges)} requests in all")


async def run(base_url: str | None) -> None:
    if base_url:
        async with AsyncToastCompute(*CREDENTIALS, base_url=base_url) as toast:
            await drive(toast)
    else:
        cloud = MockCloud(clock=AutoJumpClock())
        async with AsyncToastCompute(*CREDENTIALS, transport=cloud.async_transport, clock=cloud.clock) as toast:
            await drive(toast)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Let five instances live at the same time.")
    parser.add_argument("--base-url", help="use this mock instead of one in this process")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(run(options.base_url))
    except ToastComputeError as error:
        print(f"async_instances: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
