"""Create instances in every way, and try the rules that the contract states in prose only."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from toast_compute_api.behaviour import LIFECYCLE

from ..contract import DELETE
from ..exchange import Exchange, JsonObject
from ..run import Run
from .fixtures import Fixtures, create_body, create_example, longest_name_on_windows
from .inventory import Inventory, accepted_in

CREATING = "creating"
PROSE = "prose"
_NAMES = ("a", "Mixed.Case-9", "9", "ends-with-twenty-chr", ".-.-", "UPPER")
_AT_ONCE = 10
_FEW, _MANY_NETWORKS = 4, 5  # so that few instances fill a subnet
_ANY_SECRET = 7  # the private key of keys that nobody uses


def create_variants(run: Run, fixtures: Fixtures) -> Iterator[JsonObject]:
    """Return changes to a create that use what is optional, and that go to the bounds of what is allowed."""
    example: Any = create_example(run.contract)["volume"]
    schemas = run.contract.document["components"]["schemas"]
    step, types = schemas["RootVolumeSpec"]["properties"]["size"]["multipleOf"], schemas["VolumeType"]["enum"]
    groups = [{"name": name} for name in fixtures.groups]
    yield from ({"name": name} for name in _NAMES)
    yield from ({"flavor": flavor} for flavor in (*fixtures.flavors, *fixtures.fixed_flavors))
    yield from ({"flavor": flavor, "volume": {"type": None}} for flavor in fixtures.fixed_flavors)
    yield from ({"volume": {"type": kind}} for kind in (*types, None))
    yield {"volume": {"size": example["size"]}}
    yield {"volume": {"size": example["size"] + step, "type": types[-1]}}
    yield {"volume": {}}
    yield {"count": 2}
    yield from ({"securityGroups": some} for some in (groups, groups[::-1], groups[:1] * 2))
    yield {"networks": [{"id": fixtures.network}]}
    if fixtures.subnet:
        yield {"networks": [{"subnetId": fixtures.subnet}]}


def create_in_every_way(inventory: Inventory) -> None:
    """Create with every variant, and then two instances together of which one is changed."""
    run = inventory.run
    for changes in create_variants(run, inventory.fixtures):
        if run.is_over:
            return
        run.target.tick()
        inventory.trim()
        changes = {"name": "created", **changes}
        inventory.create(**changes, phase=CREATING, prepared=run.target.is_exact)
    inventory.trim()
    groups = inventory.fixtures.groups
    inventory.create("twins", phase=CREATING, count=2, securityGroups=[{"name": groups[0]}])
    one = run.ledger.ours()[-1]
    if len(groups) > 1 and inventory.bring_to(one, accepted_in("addSecurityGroup")):
        run.step("addSecurityGroup", one.id, {"name": groups[1]}, phase=CREATING)
        inventory.observer.compare()


class ProseRules:
    """Tries the rules that only prose states, for one run."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._fixtures = inventory.fixtures
        self._run = inventory.run

    def try_all(self) -> None:
        """Try them all; most only where time is known and nobody else uses the service."""
        self.try_names()
        if self._run.target.is_exact:
            self.try_disks()
            self.try_addresses()
            self.try_full_subnet()
            self.try_networks()
            self.try_keys()

    def try_names(self) -> None:
        """Create on a Windows image, with the longest name that it may have and with one that is too long."""
        most = longest_name_on_windows(self._run.contract)
        for length in (most, most + 1) if self._fixtures.windows_image else ():
            exchange = self._create(name="w" * length, image=self._fixtures.windows_image)
            accepted = exchange.reply.accepted
            sentence = f"is {'accepted' if accepted else 'refused'} on a Windows image with a name of {length} letters"
            self._run.expect("names_on_windows_are_short", accepted == (length <= most), sentence, exchange)

    def try_disks(self) -> None:
        """Make an image of an instance with a larger disk, and instances of that image."""
        run = self._run
        properties = run.contract.document["components"]["schemas"]["RootVolumeSpec"]["properties"]
        usual: int = create_example(run.contract)["volume"]["size"]
        needed = usual + properties["size"]["multipleOf"]
        made = self._create(volume={"size": needed}).content
        known = run.ledger.instances.get((made.get("instance") or {}).get("id", ""))
        if known is None or not self._inventory.bring_to(known, accepted_in("uploadImage")):
            return
        image = run.step("uploadImage", known.id, {"name": "larger"}, phase=PROSE).content
        for asked in (usual, None, needed):
            volume: JsonObject = {} if asked is None else {"volume": {"size": asked}}
            exchange = self._create(image=image["createdImage"]["id"], **volume)
            size = self._size_of_root(exchange)
            is_right = size is None if asked == usual else size is not None and size >= needed
            sentence = f"makes a disk of {size} GB of an image that needs {needed} GB, where {asked} GB were asked for"
            run.expect("image_needs_its_disk", is_right, sentence, exchange)

    def try_addresses(self) -> None:
        """Create and delete more instances than there are addresses: a deleted one releases its address."""
        for _ in range(self._run.target.addresses_in_subnet // _AT_ONCE + 1):
            self._inventory.trim()
            before = {one.id for one in self._run.ledger.ours()}
            if not self._create(count=_AT_ONCE, prepared=True).reply.accepted:
                return
            self._delete_all_but(before)

    def try_full_subnet(self) -> None:
        """Fill the subnet until a create of several is refused, and then create what there is room for."""
        network = create_body(self._fixtures, "", "")["instance"]["networks"]
        before = {one.id for one in self._run.ledger.ours()}
        for _ in range(self._run.target.addresses_in_subnet // (_FEW * _MANY_NETWORKS)):
            if not self._create(count=_FEW, networks=network * _MANY_NETWORKS).reply.accepted:
                break
        exchange = self._create()
        sentence = "is refused for one instance where there is room, after several for which there was none"
        self._run.expect("refused_create_takes_nothing", exchange.reply.accepted, sentence, exchange)
        self._delete_all_but(before)

    def try_networks(self) -> None:
        """Create two instances in two networks at once, and some with a subnet that is in another network."""
        asked = self._run.target.subnets[:2]
        if len(asked) < 2:
            return
        one, other = asked
        before = {known.id for known in self._run.ledger.ours()}
        exchange = self._create(count=2, networks=[{"subnetId": subnet.id} for subnet in asked], prepared=True)
        ranges = [ip_network(subnet.cidr) for subnet in asked]
        for known in self._run.ledger.ours():
            if known.id not in before:
                given = [ip_address(address["ipAddress"]) for address in (known.detail or {}).get("addresses", [])]
                is_right = len(given) == len(ranges) and all(
                    address in network for address, network in zip(given, ranges, strict=True)
                )
                sentence = f"gives an instance other addresses than one in each of {', '.join(map(str, ranges))}"
                self._run.expect("addresses_are_in_their_subnets", is_right, sentence, exchange)
        right = {"id": one.network, "subnetId": one.id}
        for wrong in ([right, {"id": one.network, "subnetId": other.id}], [{**right, "id": other.network}]):
            exchange = self._create(networks=wrong)
            sentence = "is accepted with a subnet that is in another network than the one that is named with it"
            self._run.expect("subnet_is_in_its_network", not exchange.reply.accepted, sentence, exchange)
        self._delete_all_but(before)

    def try_keys(self) -> None:
        """Upload keys of each type, and what is not a single public key."""
        for curve in (SECP256R1(), SECP384R1(), SECP521R1()):
            public = derive_private_key(_ANY_SECRET, curve).public_key()
            self._upload(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(), prepared=True)
        key = self._run.contract.body_examples("createKeypair")["upload"]["keypair"]["publicKey"]
        others = (key.partition(" ")[2], f"ssh-rsa {key.split()[1]}", _key_on_hardware())
        for wrong in (f"{key}\n{key}", f"{key} a\n{key} b", *others):
            exchange = self._upload(wrong)
            sentence = "is accepted for an upload that is not a single public key"
            self._run.expect("upload_is_one_key", not exchange.reply.accepted, sentence, exchange)

    def _upload(self, key: str, *, prepared: bool = False) -> Exchange:
        body: JsonObject = {"keypair": {"name": self._inventory.new_name(), "publicKey": key}}
        return self._run.call("createKeypair", body=body, phase=PROSE, prepared=prepared)

    def _delete_all_but(self, ids: Collection[str]) -> None:
        for known in self._run.ledger.ours():
            if known.id not in ids:
                self._run.step(DELETE, known.id, phase=PROSE)
        self._run.target.wait(LIFECYCLE.operations[DELETE].max_seconds)

    def _create(self, *, prepared: bool = False, **changes: Any) -> Exchange:
        return self._inventory.create(**{"name": "prose", **changes}, phase=PROSE, prepared=prepared)

    def _size_of_root(self, exchange: Exchange) -> int | None:
        """Return the size of the root disk of the instance that was made, if one was."""
        if not exchange.reply.accepted:
            return None
        detail = self._inventory.observer.read(exchange.content["instance"]["id"])
        size: int = detail["volumes"]["root"]["size"] if detail is not None else 0
        return size


def _key_on_hardware() -> str:
    """Return a public key of a type that libraries read, and whose private key is in a security token."""
    kind = "sk-ssh-ed25519@openssh.com"
    parts = (kind.encode(), bytes(range(32)), b"ssh:")
    return f"{kind} {b64encode(b''.join(len(part).to_bytes(4) + part for part in parts)).decode()}"
