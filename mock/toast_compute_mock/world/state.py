"""Define the records of a world, with the contract's member names in JSON."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from .ids import Mint

TOKEN_LIFETIME = timedelta(hours=1)  # the guide's samples are one hour apart

# Records with `gc=False` hold nothing that could lead back to them, and there are many: the collector passes them by.


class Record(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """The base of all records."""


class Account(Record, kw_only=True):
    """Who may ask for a token."""

    appkey: str
    username: str
    password: str
    user_id: str
    roles: list[str]
    token: str | None = None
    """The id of the token that the account's world starts with, if it has one."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(user_id={self.user_id!r})"


class Zone(Record, kw_only=True):
    """An availability zone."""

    name: str
    available: bool


class Flavor(Record, kw_only=True):
    """A size that an instance can have, in the very members of listFlavors."""

    disabled: bool
    ephemeral: int
    type: str
    volume_size: int | None = None
    max_volume_size: int | None = None
    id: str
    name: str
    is_public: bool
    ram: int
    vcpus: int


class Image(Record, kw_only=True):
    """What a root disk is made from."""

    id: str
    name: str
    os: str
    min_disk: int

    @property
    def is_windows(self) -> bool:
        """Return whether the shorter limit on names applies."""
        return self.os == "windows"


class Network(Record, kw_only=True):
    """A network. Its subnets name it."""

    id: str
    name: str


class Subnet(Record, kw_only=True):
    """A range of addresses of one network."""

    id: str
    name: str
    network_id: str
    cidr: str
    taken: set[int] = set()
    """The addresses that interfaces have, counted from the first of the range."""
    last: int = 0
    """The address that was given last, counted likewise; the search for the next begins behind it."""


class SecurityGroup(Record, kw_only=True):
    """A security group."""

    name: str


class Keypair(Record, kw_only=True):
    """A key pair of the world's user. The private half is never kept."""

    name: str
    public_key: str
    created_at: datetime


class Volume(Record, kw_only=True):
    """A volume in addition to the root disks."""

    id: str
    name: str
    size: int
    type: str
    zone: str
    attached_to: str | None = None
    """The id of an instance."""


class FloatingIp(Record, kw_only=True):
    """A public address."""

    address: str
    attached_to: str | None = None
    """The id of an instance."""


class Interface(Record, kw_only=True, gc=False):
    """A network interface of an instance."""

    mac_address: str
    ip_address: str
    subnet_id: str
    floating_ip_address: str | None = None


class RootDisk(Record, kw_only=True, gc=False):
    """The root disk of an instance."""

    size: int
    type: str


class Transition(Record, kw_only=True, gc=False):
    """A change of status that is under way."""

    through: tuple[str, ...]
    """The transient statuses, each for an equal share of the time."""
    to: str
    started: datetime
    due: datetime
    flavor: str | None = None
    """The id of the flavor that the instance has when it ends."""


class Instance(Record, kw_only=True):
    """A virtual machine. `status` is where it rests, or rested before `transition` began."""

    id: str
    name: str
    status: str
    zone: str
    flavor: str
    """The id of its flavor."""
    image: str
    """The id of its image."""
    key_name: str
    metadata: dict[str, str] = {}
    root: RootDisk
    interfaces: list[Interface]
    security_groups: list[str]
    attachments: dict[str, str] = {}
    """From volume id to device name, in the order of attaching."""
    created_at: datetime
    updated_at: datetime
    launched_at: datetime | None = None
    transition: Transition | None = None


class Quotas(Record, kw_only=True):
    """How much there can be of something in a world; None for any number."""

    instances: int | None = None
    keypairs: int | None = None


class Token(Record, kw_only=True, gc=False):
    """A token of the world's user."""

    id: str
    issued_at: datetime
    expires: datetime

    def __repr__(self) -> str:
        return f"{type(self).__name__}(expires={self.expires!r})"


class World(Record, kw_only=True):
    """Everything that one user of one appkey can see."""

    account: Account
    mint: Mint
    quotas: Quotas
    zones: dict[str, Zone]
    flavors: dict[str, Flavor]
    images: dict[str, Image]
    networks: dict[str, Network]
    subnets: dict[str, Subnet]
    security_groups: dict[str, SecurityGroup]
    keypairs: dict[str, Keypair]
    volumes: dict[str, Volume]
    floating_ips: dict[str, FloatingIp]
    instances: dict[str, Instance]
    tokens: dict[str, Token]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.account!r}, {len(self.instances)} instances)"


class WorldInfo(msgspec.Struct, frozen=True, rename="camel"):
    """One world in brief."""

    id: str
    username: str
    instances: int
    tokens: int


def issue_token(world: World, token_id: str, now: datetime) -> Token:
    """Add a token to a world, and forget those that have expired."""
    for old in [old.id for old in world.tokens.values() if old.expires <= now]:
        del world.tokens[old]
    token = Token(id=token_id, issued_at=now, expires=now.replace(microsecond=0) + TOKEN_LIFETIME)
    world.tokens[token_id] = token
    return token
