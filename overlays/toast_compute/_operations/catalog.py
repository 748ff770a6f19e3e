"""Operations on availability zones, flavors and tokens."""

from __future__ import annotations

from toast_compute_api.api.availability_zones.list_availability_zones import list_availability_zones
from toast_compute_api.api.flavors.list_flavors import list_flavors as request_flavors
from toast_compute_api.api.tokens.get_token import get_token as request_token
from toast_compute_api.models import Access, AvailabilityZone, Flavor

from .._core.client_core import Core
from .._effects import Effects
from .._redaction import Secret
from .._validation import check_secret_text


def list_zones(core: Core) -> Effects[list[AvailabilityZone]]:
    """Read all availability zones."""
    return (yield from core.call(core.request(list_availability_zones))).zones


def list_flavors(core: Core) -> Effects[list[Flavor]]:
    """Read all flavors."""
    return (yield from core.call(core.request(request_flavors))).flavors


def get_token(core: Core, token_id: Secret) -> Effects[Access]:
    """Read the lifetime and the user of a token."""
    check_secret_text("getToken", "id", token_id)
    request = core.request(lambda appkey: request_token(appkey, id=token_id.reveal()))
    return (yield from core.prepare(request, secrets=(token_id,)).run()).access
