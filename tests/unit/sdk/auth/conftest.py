"""Provide what the tests of tokens share: flavors to list, the tokens that were sent, and keys of stores."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from toast_compute import MalformedResponseError, ToastCompute
from toast_compute.token_store import MemoryTokenStore, StoredToken


@pytest.fixture(autouse=True)
def _flavors(service: Any) -> None:
    service.on("GET flavors", service.yes(flavors=[]))


def sent_tokens(service: Any) -> list[str]:
    """Return the token of each request for flavors."""
    return [one.headers["x-auth-token"] for one in service.asked("GET flavors")]


class _Keys(MemoryTokenStore):
    """A store that records the keys of what is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()

    def load(self, key: str, /) -> StoredToken | None:
        self.keys.add(key)
        return super().load(key)


def store_key(base_url: str, appkey: str, username: str) -> str:
    """Return the key under which a client of an account stores its token."""
    store = _Keys()
    unavailable = httpx.MockTransport(lambda _: httpx.Response(503))
    options: dict[str, Any] = {"transport": unavailable, "token_store": store, "max_retries": 0}
    client = ToastCompute(appkey, username, "p", base_url=base_url, **options)
    with client as toast, pytest.raises(MalformedResponseError):
        toast.flavors.list()
    (key,) = store.keys
    return key
