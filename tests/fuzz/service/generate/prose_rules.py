"""Is kept what the contract says in words only? Rules that depend on what a request does not show, tried on purpose."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Iterator, Sequence
from ipaddress import ip_address, ip_network

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, SECP521R1, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from toast_compute_api.behaviour import LIFECYCLE

from ..check.instance_checks import DELETE
from ..exchange import Exchange, JsonObject
from ..run import Run
from ..target import Subnet
from .fixtures import example_of, longest_name_on_windows, spec_of
from .inventory import Stock
from .observer import Lookout

IN_WORDS = "in words"
"""The phase of these requests."""

_AT_ONCE = 10
_FEW, _MANY_NETWORKS = 4, 5  # so that few instances fill a subnet
_TWO = 2
_ANY_SECRET = 7  # the private key of keys that nobody uses
_UPLOAD = "uploadImage"


def names_on_windows_are_short(length: int, most: int, *, accepted: bool) -> Iterator[str]:
    """The name of an instance may be shorter on a Windows image than on others."""
    if accepted != (length <= most):
        yield f"is {'accepted' if accepted else 'refused'} on a Windows image with a name of {length} characters"


def image_needs_its_disk(asked: int | None, needed: int, shown: int | None) -> Iterator[str]:
    """An image does not fit on a disk that is smaller than the one that it was made of."""
    if asked is not None and asked < needed and shown is not None:
        yield f"puts an image that was made of a disk of {needed} GB on one of {shown} GB"
    elif (asked is None or asked >= needed) and (shown is None or shown < needed):
        made = "is refused" if shown is None else f"makes one of {shown} GB"
        yield f"{made} where a disk of {asked or needed} GB is due for an image"


def refused_create_takes_nothing(*, accepted: bool) -> Iterator[str]:
    """A create of several for which there is no room takes none of the room that there is."""
    if not accepted:
        yield "is refused for one instance where there is room, after several were refused for which there was none"


def addresses_are_in_their_subnets(shown: Sequence[str], asked: Sequence[Subnet]) -> Iterator[str]:
    """An instance has one address in each subnet that it was created in, in the order that was asked for."""
    if len(shown) != len(asked) or any(
        ip_address(address) not in ip_network(subnet.cidr) for address, subnet in zip(shown, asked, strict=False)
    ):
        yield f"gives an instance other addresses than one in each of {', '.join(subnet.cidr for subnet in asked)}"


def subnet_is_in_its_network(*, accepted: bool) -> Iterator[str]:
    """A network that is named beside a subnet is the one that the subnet is in."""
    if accepted:
        yield "is accepted with a subnet that is in another network than the one that is named with it"


def upload_is_one_key(*, accepted: bool) -> Iterator[str]:
    """What is uploaded is one public key and nothing else."""
    if accepted:
        yield "is accepted for an upload that is no single public key"


def _key_on_hardware() -> str:
    """A public key of another type, which libraries read all the same: its private key is in a security token."""
    kind = "sk-ssh-ed25519@openssh.com"
    parts = (kind.encode(), bytes(range(32)), b"ssh:")
    return f"{kind} {b64encode(b''.join(len(part).to_bytes(4) + part for part in parts)).decode()}"


class Worded:
    """Tries the rules that only words tell, for one run."""

    def __init__(self, run: Run, stock: Stock, lookout: Lookout) -> None:
        self._run = run
        self._stock = stock
        self._lookout = lookout

    def try_all(self) -> None:
        """Try them all; most only where time is known and nobody else is there."""
        self.try_names()
        if self._run.target.is_exact:
            self.try_disks()
            self.try_addresses()
            self.try_full_subnet()
            self.try_networks()
            self.try_keys()

    def try_names(self) -> None:
        """Create on a Windows image, with the longest name that it may have and with one that is too long."""
        material = self._stock.material
        most = longest_name_on_windows(self._run.contract)
        for length in (most, most + 1) if material.windows_image else ():
            exchange = self._create({"name": "w" * length, "image": material.windows_image})
            self._run.hold(
                names_on_windows_are_short.__name__,
                names_on_windows_are_short(length, most, accepted=exchange.reply.accepted),
                exchange,
            )

    def try_disks(self) -> None:
        """Make an image of an instance with a larger disk, and instances of that image."""
        run = self._run
        size = run.contract.document["components"]["schemas"]["RootVolumeSpec"]["properties"]["size"]["multipleOf"]
        usual: int = example_of(run.contract, "createInstance", "create")["instance"]["volume"]["size"]
        needed = usual + size
        made = self._create({"volume": {"size": needed}})
        known = run.ledger.instances.get(((made.content or {}).get("instance") or {}).get("id", ""))
        if known is None or not self._stock.bring_to(known, LIFECYCLE.operations[_UPLOAD].accepted_in):
            return
        body: JsonObject = {"action": _UPLOAD, "parameters": {"name": "larger"}}
        image = run.call("runInstanceAction", {"instanceId": known.id}, body, phase=IN_WORDS).content or {}
        for asked in (usual, None, needed):
            volume: JsonObject = {} if asked is None else {"volume": {"size": asked}}
            exchange = self._create({"image": image["createdImage"]["id"], **volume})
            shown = self._root_of(exchange)
            self._run.hold(image_needs_its_disk.__name__, image_needs_its_disk(asked, needed, shown), exchange)

    def try_addresses(self) -> None:
        """Create and delete more instances than there are addresses: what is deleted gives its address back."""
        run = self._run
        for _ in range(run.target.addresses_in_subnet // _AT_ONCE + 1):
            self._stock.trim()
            before = {one.id for one in run.ledger.ours()}
            exchange = self._create({"count": _AT_ONCE}, prepared=True)
            if not exchange.reply.accepted:
                return
            self._delete_all_but(before)

    def try_full_subnet(self) -> None:
        """Fill the subnet until a create is refused, and then create what there is room for."""
        material, run = self._stock.material, self._run
        network = spec_of(material, "x", "x")["instance"]["networks"]
        before = {one.id for one in run.ledger.ours()}
        for _ in range(run.target.addresses_in_subnet // (_FEW * _MANY_NETWORKS)):
            if not self._create({"count": _FEW, "networks": network * _MANY_NETWORKS}).reply.accepted:
                break
        exchange = self._create({})
        self._run.hold(
            refused_create_takes_nothing.__name__,
            refused_create_takes_nothing(accepted=exchange.reply.accepted),
            exchange,
        )
        self._delete_all_but(before)

    def try_networks(self) -> None:
        """Create two instances in two networks at once, and one with a subnet that is in another network."""
        ranges = self._run.target.subnets
        if len(ranges) < _TWO:
            return
        before = {one.id for one in self._run.ledger.ours()}
        asked = list(ranges)[:_TWO]
        exchange = self._create({"count": _TWO, "networks": [{"subnetId": one.id} for one in asked]}, prepared=True)
        for known in self._run.ledger.ours():
            shown = [one["ipAddress"] for one in (known.detail or {}).get("addresses", [])]
            if known.id not in before:
                said = addresses_are_in_their_subnets(shown, asked)
                self._run.hold(addresses_are_in_their_subnets.__name__, said, exchange)
        right = {"id": asked[0].network, "subnetId": asked[0].id}
        for wrong in ([right, {"id": asked[0].network, "subnetId": asked[1].id}], [{**right, "id": asked[1].network}]):
            exchange = self._create({"networks": wrong})
            self._run.hold(
                subnet_is_in_its_network.__name__, subnet_is_in_its_network(accepted=exchange.reply.accepted), exchange
            )
        self._delete_all_but(before)

    def try_keys(self) -> None:
        """Upload keys of each type, and what is no single public key."""
        for curve in (SECP256R1(), SECP384R1(), SECP521R1()):
            public = derive_private_key(_ANY_SECRET, curve).public_key()
            self._upload(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(), prepared=True)
        key = example_of(self._run.contract, "createKeypair", "upload")["keypair"]["publicKey"]
        others = (key.partition(" ")[2], f"ssh-rsa {key.split()[1]}", _key_on_hardware())
        for wrong in (f"{key}\n{key}", f"{key} a\n{key} b", *others):
            exchange = self._upload(wrong)
            self._run.hold(upload_is_one_key.__name__, upload_is_one_key(accepted=exchange.reply.accepted), exchange)

    def _upload(self, key: str, *, prepared: bool = False) -> Exchange:
        body: JsonObject = {"keypair": {"name": self._stock.new_name(), "publicKey": key}}
        return self._run.call("createKeypair", body=body, phase=IN_WORDS, prepared=prepared)

    def _delete_all_but(self, ids: Collection[str]) -> None:
        for known in self._run.ledger.ours():
            if known.id not in ids:
                self._run.call(DELETE, {"id": known.id}, phase=IN_WORDS)
        self._run.target.rest(LIFECYCLE.operations[DELETE].max_seconds)

    def _create(self, change: JsonObject, *, prepared: bool = False) -> Exchange:
        body = spec_of(self._stock.material, "in-words", self._stock.keypair())
        body["instance"] |= change
        exchange = self._run.call("createInstance", body=body, phase=IN_WORDS, prepared=prepared)
        self._lookout.after(exchange)
        return exchange

    def _root_of(self, exchange: Exchange) -> int | None:
        """The size of the root disk of the instance that was made, if one was."""
        if not exchange.reply.accepted:
            return None
        detail = self._lookout.at((exchange.content or {})["instance"]["id"])
        size: int = detail["volumes"]["root"]["size"] if detail is not None else 0
        return size
