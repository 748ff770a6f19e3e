"""Assign addresses to network interfaces, and release them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from typing import NamedTuple

from ..rules import RefusedError, Rule
from .state import Interface, Subnet, World

_FIRST_HOST = 10  # the hosts below are left to gateways and the like


class Range(NamedTuple):
    """The addresses of a subnet, as numbers."""

    first: int
    size: int


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
    interfaces = []
    for subnet, host in given:
        address = ".".join(map(str, (_range(subnet.cidr).first + host).to_bytes(4)))
        interfaces.append(Interface(mac_address=world.mint.mac_address(), ip_address=address, subnet_id=subnet.id))
    return interfaces


def occupy(subnet: Subnet, address: str) -> None:
    """Mark an address as taken. Raises ValueError when it is not an address, or the subnet has no range."""
    host = _host(subnet, address)
    if 0 <= host < _range(subnet.cidr).size:
        subnet.taken.add(host)


def is_occupied(subnet: Subnet, address: str) -> bool:
    """Return whether an address is taken."""
    return _host(subnet, address) in subnet.taken


def release(world: World, interface: Interface) -> None:
    """Let another interface have the address of this one."""
    subnet = world.subnets[interface.subnet_id]
    subnet.taken.discard(_host(subnet, interface.ip_address))


def _take(subnet: Subnet) -> int:
    end = _range(subnet.cidr).size - 1  # the last one is for broadcasts
    behind = subnet.last + 1
    if behind < _FIRST_HOST:
        behind = _FIRST_HOST
    if behind < end and behind not in subnet.taken:  # nearly always; what follows is dearer
        subnet.taken.add(behind)
        subnet.last = behind
        return behind
    for host in chain(range(behind, end), range(_FIRST_HOST, behind)):
        if host not in subnet.taken:
            subnet.taken.add(host)
            subnet.last = host
            return host
    raise RefusedError(Rule.NO_ADDRESS_LEFT)


def _host(subnet: Subnet, address: str) -> int:
    return int(IPv4Address(address)) - _range(subnet.cidr).first


@lru_cache  # read again for every interface otherwise, which takes longer than all the rest
def _range(cidr: str) -> Range:
    network = IPv4Network(cidr)
    return Range(int(network.network_address), network.num_addresses)
