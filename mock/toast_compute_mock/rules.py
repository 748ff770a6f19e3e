"""List the behaviours of the mock, and whether the service's documentation states them.

One table: `Rule` for what is refused, `HABITS` for the rest. The states that an operation needs are not here, since
`x-lifecycle` in the contract labels them. `documented` means that the guide or the published page of error codes states
it; `assumed` means that this project decided.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal, NamedTuple, TypeAlias

from toast_compute_api.behaviour import SUBSYSTEM_RANGES
from toast_compute_runtime.behaviour_types import http_status

from .messages import message_for

Basis: TypeAlias = Literal["documented", "assumed"]

_FORBIDDEN = 403
_CONFLICT = 409
_MISSING = 404
_UNAUTHORIZED = 401


class Behaviour(NamedTuple):
    """One row of the table."""

    basis: Basis
    text: str
    code: int = 0
    """The result code of a refusal; 0 for a behaviour that refuses nothing."""
    detail: str = ""
    """The part of the message after its colon; names in braces are filled in."""


def _code(subsystem: str, status: int) -> int:
    """Return the result code for an HTTP status of a subsystem."""
    (codes,) = [codes for codes in SUBSYSTEM_RANGES if codes.subsystem == subsystem]
    return codes.first - http_status(codes.first) + status


class Rule(Enum):
    """Everything that is refused."""

    NO_SUCH_PATH = Behaviour("assumed", "A path outside the contract is not supported.", -7, "no such path")
    NO_SUCH_METHOD = Behaviour("assumed", "A method that the path does not have is not supported.", -7, "method")
    UNKNOWN_APPKEY = Behaviour("documented", "An unknown appkey has no permission.", -3, "appkey")
    BAD_TOKEN = Behaviour(
        "documented", "A missing, unknown or expired token, or one of another appkey, has no permission.", -3, "token"
    )
    MALFORMED = Behaviour(
        "documented",
        "A missing or malformed value is refused; the message names one place and one reason.",
        -4,
        "{path} {reason}",
    )
    NOT_JSON = Behaviour(
        "documented", "A body that is not JSON in UTF-8 is refused.", -8, "the body is not valid JSON in UTF-8"
    )
    WRONG_CREDENTIALS = Behaviour(
        "assumed",
        "A token is refused without saying which of user name and password is wrong.",
        _code("token", _UNAUTHORIZED),
        "wrong username or password",
    )
    NO_TOKEN = Behaviour(
        "assumed",
        "Looking up a token that is unknown, expired or of another appkey finds nothing.",
        _code("token", _MISSING),
        "token",
    )
    NO_INSTANCE = Behaviour(
        "assumed", "An instance that is unknown or gone is missing.", _code("instance", _MISSING), "instance"
    )
    WRONG_STATE = Behaviour(
        "assumed",
        "An operation that the instance's status does not allow conflicts.",
        _code("instance", _CONFLICT),
        "instance is {status}",
    )
    QUOTA_OF_INSTANCES = Behaviour(
        "assumed",
        "No more instances can be created than the quota allows; those being deleted count.",
        _code("instance", _FORBIDDEN),
        "the quota of {limit} instances is used up",
    )
    NO_IMAGE = Behaviour("assumed", "An unknown image is missing.", _code("image", _MISSING), "image")
    NO_FLAVOR = Behaviour("assumed", "An unknown flavor is missing.", _code("flavor", _MISSING), "flavor")
    FLAVOR_DISABLED = Behaviour(
        "assumed", "A disabled flavor cannot be used.", _code("flavor", _CONFLICT), "flavor is disabled"
    )
    SAME_FLAVOR = Behaviour(
        "assumed",
        "A resize needs another flavor.",
        _code("flavor", _CONFLICT),
        "instance has this flavor",
    )
    NO_NETWORK = Behaviour("assumed", "An unknown network is missing.", _code("network", _MISSING), "network")
    NO_SUBNET = Behaviour("assumed", "An unknown subnet is missing.", _code("subnet", _MISSING), "subnet")
    SUBNET_ELSEWHERE = Behaviour(
        "assumed",
        "A subnet has to be one of the network that is named with it.",
        _code("subnet", _CONFLICT),
        "subnet is not in the network",
    )
    NO_ADDRESS_LEFT = Behaviour("documented", "A subnet without a free address is full.", 20001, "subnet is full")
    NO_ZONE = Behaviour(
        "assumed",
        "An unknown availability zone is missing.",
        _code("availability-zone", _MISSING),
        "availability zone",
    )
    ZONE_UNAVAILABLE = Behaviour(
        "assumed",
        "Nothing can be created in a zone that is not available.",
        _code("availability-zone", _CONFLICT),
        "availability zone is not available",
    )
    NO_KEYPAIR = Behaviour("assumed", "An unknown key pair is missing.", _code("keypair", _MISSING), "key pair")
    KEYPAIR_EXISTS = Behaviour(
        "assumed", "A key pair's name can be used once.", _code("keypair", _CONFLICT), "key pair exists"
    )
    QUOTA_OF_KEYPAIRS = Behaviour(
        "assumed",
        "No more key pairs can be created than the quota allows.",
        _code("keypair", _FORBIDDEN),
        "the quota of {limit} key pairs is used up",
    )
    NO_SECURITY_GROUP = Behaviour(
        "assumed", "An unknown security group is missing.", _code("security-group", _MISSING), "security group"
    )
    NOT_A_MEMBER = Behaviour(
        "assumed",
        "An instance cannot leave a security group that it is not in.",
        _code("security-group", _MISSING),
        "instance is not in the security group",
    )
    NO_VOLUME = Behaviour("assumed", "An unknown volume is missing.", _code("volume", _MISSING), "volume")
    VOLUME_IN_USE = Behaviour(
        "assumed", "A volume is attached to one instance at a time.", _code("volume", _CONFLICT), "volume is in use"
    )
    VOLUME_ELSEWHERE = Behaviour(
        "documented",
        "A volume attaches only inside its own availability zone.",
        _code("volume", _CONFLICT),
        "volume is in another availability zone",
    )
    NOT_ATTACHED = Behaviour(
        "assumed",
        "A volume that is not attached to this instance cannot be detached from it.",
        _code("volume", _MISSING),
        "volume is not attached to this instance",
    )
    NO_FLOATING_IP = Behaviour(
        "assumed", "An unknown floating IP is missing.", _code("floating-ip", _MISSING), "floating IP"
    )
    FLOATING_IP_IN_USE = Behaviour(
        "assumed",
        "A floating IP leads to one address at a time.",
        _code("floating-ip", _CONFLICT),
        "floating IP is in use",
    )
    FLOATING_IP_PRESENT = Behaviour(
        "assumed",
        "An address has at most one floating IP.",
        _code("floating-ip", _CONFLICT),
        "ipAddress has a floating IP",
    )
    NOT_ITS_ADDRESS = Behaviour(
        "assumed",
        "A floating IP can lead only to an address of the instance.",
        _code("floating-ip", _CONFLICT),
        "ipAddress is not an address of the instance",
    )
    NOT_ITS_FLOATING_IP = Behaviour(
        "assumed",
        "A floating IP can be taken only from the instance that has it.",
        _code("floating-ip", _MISSING),
        "floating IP is not on this instance",
    )
    WINDOWS_NAME = Behaviour(
        "documented",
        "On Windows images a name has at most 12 characters.",
        -4,
        "instance.name is too long for a Windows image",
    )
    BELOW_MIN_DISK = Behaviour(
        "documented",
        "A root disk is at least as large as the image's minDisk.",
        -4,
        "instance.volume.size is below the image's minDisk of {min_disk}",
    )
    FLAVOR_BELOW_MIN_DISK = Behaviour(
        "assumed",
        "A root disk of fixed size is large enough for the image, too.",
        -4,
        "instance.flavor has a smaller disk than the image's minDisk of {min_disk}",
    )
    FIXED_ROOT_DISK = Behaviour(
        "documented",
        "Flavors with a disk of fixed size (u2) take no volume arguments; a `type` of null counts as absent.",
        -4,
        "instance.volume.{member} is not allowed with this flavor",
    )
    BAD_PUBLIC_KEY = Behaviour(
        "assumed",
        "A public key to upload is one OpenSSH line of type RSA, ECDSA or Ed25519.",
        -4,
        "keypair.publicKey is not an OpenSSH public key of type RSA, ECDSA or Ed25519",
    )


_DOCUMENTED_BEHAVIOURS = (
    "With a `volume.type` of null a root disk is General HDD.",
    "Every reply is HTTP 200 with an envelope.",
    "Times are UTC, with microseconds and no zone; the `expires` of a token has `Z` and no fraction.",
    "The `createdAt` of a key pair shows only when the key pair is asked for by name.",
    "A private key shows once, and only when the service made the key.",
)
_ASSUMED_BEHAVIOURS = (
    "Without `volume.type` a root disk is General HDD.",
    "One instance is returned also when several are created.",
    "A request is checked in this order: path and method, appkey and token, parameters, body, "
    "what they name, the instance's status, how the two belong together.",
    "Unknown query parameters are ignored; one that the operation knows may come once.",
    "The content type of a request is ignored.",
    "Of duplicate members in a JSON object the last counts.",
    "A token lives one hour, to the whole second; others of the same user stay valid.",
    "Without `volume.size`, a root disk has the image's minDisk.",
    "Instances that are created together have the same name.",
    "A network that is named without a subnet stands for its first subnet.",
    "A change of flavor shows when it ends; a change of status that ends in ACTIVE is a boot.",
    "Adding an instance to a security group that it is in is accepted and changes nothing.",
    "Deleting an instance frees its volumes, floating IPs and addresses at once, while it is still being deleted.",
    "A key pair can be deleted while instances use it.",
    "An image made of an instance can be used at once; its minDisk is the size of the instance's root disk.",
    "HEAD is answered like GET, without the body.",
)

OTHER_BEHAVIOURS: tuple[Behaviour, ...] = (
    *(Behaviour("documented", text) for text in _DOCUMENTED_BEHAVIOURS),
    *(Behaviour("assumed", text) for text in _ASSUMED_BEHAVIOURS),
)


class RefusedError(Exception):
    """A request is refused by a rule; `message` is that of the envelope."""

    def __init__(self, rule: Rule, **details: str | int) -> None:
        self.rule = rule
        self.code = rule.value.code
        self.message = f"{message_for(self.code)} : {rule.value.detail.format(**details)}"
        super().__init__(self.message)
