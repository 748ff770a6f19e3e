"""Which address does a new network interface get, and when is it free again?"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, ip_address
from itertools import chain

from .behaviours import RefusedError, Rule
from .state import Interface, Subnet, World

_FIRST_HOST = 10  # the hosts below are left to gateways and the like


def connect(world: World, subnets: Iterable[Subnet]) -> list[Interface]:
    """Return a new interface in each of these subnets; a subnet may come twice. Raises RefusedError, taking none."""
    given: list[tuple[Subnet, int]] = []
    try:
        for subnet in subnets:
            given.append((subnet, _take(subnet)))
    except RefusedError:
        for subnet, host in given:
            subnet.taken.discard(host)
        raise
    return [
        Interface(
            mac_address=world.mint.mac_address(),
            ip_address=str(IPv4Network(subnet.cidr)[host]),
            subnet_id=subnet.id,
        )
        for subnet, host in given
    ]


def occupy(subnet: Subnet, address: str) -> None:
    """Mark an address of the seed world as taken."""
    subnet.taken.add(_host(subnet, address))


def release(world: World, interface: Interface) -> None:
    """Let another interface have the address of this one."""
    subnet = world.subnets[interface.subnet_id]
    subnet.taken.discard(_host(subnet, interface.ip_address))


def _take(subnet: Subnet) -> int:
    end = IPv4Network(subnet.cidr).num_addresses - 1  # the last one is for broadcasts
    behind = max(subnet.last + 1, _FIRST_HOST)
    for host in chain(range(behind, end), range(_FIRST_HOST, behind)):
        if host not in subnet.taken:
            subnet.taken.add(host)
            subnet.last = host
            return host
    raise RefusedError(Rule.NO_ADDRESS_LEFT)


def _host(subnet: Subnet, address: str) -> int:
    return int(ip_address(address)) - int(IPv4Network(subnet.cidr).network_address)
