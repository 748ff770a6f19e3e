"""Make, wait for, stop and delete several instances within one deadline.

Makes five instances, waits for all of them with one request per poll, stops them five at a time and deletes them.
Prints each step with its time on the mock's clock. No failure leaves an instance behind.

    python examples/many_instances.py                        # against a mock in this process: no waiting
    python examples/many_instances.py --base-url URL         # against a mock that already runs
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from toast_compute import Clock, ToastCompute, ToastComputeError
from toast_compute.clock import RealClock
from toast_compute_mock import AutoJumpClock, MockCloud

CREDENTIALS = ("demo-appkey", "demo@example.com", "demo-password")
SECONDS = 1800.0  # for everything together
HOW_MANY = 5
# Ids of the mock's default world: `toast-compute-mock --show-world`.
WANTED: dict[str, Any] = {
    "image": "1a9e0000-0000-4000-8000-000000000001",
    "availability_zone": "kr-pub-a",
    "key_name": "demo-key",
    "networks": {"subnet_id": "5b4e0000-0000-4000-8000-000000000001"},
    "security_groups": "default",
}


class Steps:
    """Prints each step with its time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()

    def report(self, text: str) -> None:
        print(f"{self._clock.monotonic() - self._began:6.1f} s  {text}", flush=True)


def drive(toast: ToastCompute, steps: Steps) -> None:
    ids: list[str] = []
    try:
        with toast.deadline(SECONDS):
            flavor = min(toast.flavors.list(), key=lambda one: (one.vcpus, one.ram))
            for number in range(1, HOW_MANY + 1):
                # When the reply is lost, the client finds the instance.
                vm = toast.instances.create(
                    name=f"many-{number:02}", flavor=flavor.id, **WANTED, on_ambiguous="reconcile"
                )
                ids.append(vm.id)
            steps.report(f"{len(ids)} instances of {flavor.name} are being built")

            ready = toast.instances.wait_for_all(ids, "ACTIVE", timeout=SECONDS)
            steps.report(f"{', '.join(one.name for one in ready)} are ACTIVE")

            result = toast.instances.map("stop", ids, limit=5)
            result.raise_for_failures()
            steps.report(f"{len(result.ok)} accepted the stop, {len(result.failed)} refused it")
            toast.instances.wait_for_all(ids, "STOP", timeout=SECONDS)
            steps.report("all of them are STOP")
    finally:
        # Outside of the deadline: time may be what ran out.
        if ids:
            toast.instances.map("delete", ids).raise_for_failures()
            for id in ids:
                toast.instances.wait_until_deleted(id)
            steps.report(f"{len(ids)} instances are deleted")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make, stop and delete five instances within one deadline.")
    parser.add_argument("--base-url", help="use this mock instead of one in this process")
    options = parser.parse_args(arguments)
    try:
        if options.base_url:
            with ToastCompute(*CREDENTIALS, base_url=options.base_url) as toast:
                drive(toast, Steps(RealClock()))
        else:
            cloud = MockCloud(clock=AutoJumpClock())
            with ToastCompute(*CREDENTIALS, transport=cloud.transport, clock=cloud.clock) as toast:
                drive(toast, Steps(cloud.clock))
    except ToastComputeError as error:
        print(f"many_instances: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
