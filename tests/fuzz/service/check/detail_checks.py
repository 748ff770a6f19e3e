"""Does a list of details make sense in itself? What can be said without knowing what came before, but for flavors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ..contract import Meaning
from ..exchange import Exchange
from .instance_checks import StateCheck, shown_details
from .ledger import Ledger, moment


def _repeated(values: Iterable[str | None]) -> bool:
    return any(number > 1 for value, number in Counter(values).items() if value is not None)


def times_are_in_order(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An instance is not updated or launched before it is created."""
    for one in shown_details(exchange, meaning):
        later = [one[name] for name in ("updatedAt", "launchedAt") if one.get(name) is not None]
        if any(moment(time) < moment(one["createdAt"]) for time in later):
            yield "shows an instance that was updated or launched before it was created"


def addresses_have_one_owner(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """No two network interfaces have the same hardware address or floating IP; in the mock, nor the same address."""
    addresses = [address for one in shown_details(exchange, meaning) for address in one["addresses"]]
    # Networks of a live service may use the same private addresses.
    for name in ("macAddress", "floatingIpAddress", *(("ipAddress",) if ledger.is_exact else ())):
        if _repeated(address.get(name) for address in addresses):
            yield f"shows the same {name} twice"


def nothing_is_listed_twice(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An instance is in a security group once, and has a volume once."""
    for one in shown_details(exchange, meaning):
        if _repeated(group["name"] for group in one["securityGroups"]):
            yield "shows an instance that is in a security group twice"
        if _repeated(volume["id"] for volume in one["volumes"]["attachments"]):
            yield "shows an instance that has a volume twice"


def flavor_is_the_listed_one(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An instance has the processors, the memory and the name of its flavor, as the flavors are listed."""
    for one in shown_details(exchange, meaning):
        shown = one["flavor"]
        listed = ledger.flavors.get(shown["id"])
        if listed is not None and (shown["cpu"], shown["ram"], shown["name"]) != listed:
            is_like = f"{shown['name']} with {shown['cpu']} processors and {shown['ram']} MB"
            yield f"shows a flavor as {is_like}, which is listed otherwise"


DETAIL_CHECKS: Mapping[str, StateCheck] = {
    check.__name__: check
    for check in (times_are_in_order, addresses_have_one_owner, nothing_is_listed_twice, flavor_is_the_listed_one)
}
