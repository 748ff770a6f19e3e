"""Which transport does a client use that was given none? That of httpx, set for one service and this environment."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from ..errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

MAX_CONNECTIONS = 100
# Shorter than the idle time of common load balancers, so that they rarely close a connection that is about to be used.
KEEPALIVE_SECONDS = 5.0


def blocking_transport(base_url: str, ends_at: Callable[[], float]) -> httpx.BaseTransport:
    """Return a transport on whose connections nothing lasts longer than `ends_at` allows the thread's call.

    Raises:
        ConfigurationError: the environment's proxy or its CA certificates cannot be used.
    """
    import httpx

    from .network_backend import BoundedBackend

    transport = _made(base_url, httpx.HTTPTransport)
    # Neither name is public, and httpx has no other way to set its backend. Where they are missing one day, the time
    # still bounds each read, and the test of the trickling head says that it no longer bounds them all.
    pool = getattr(transport, "_pool", None)
    backend = getattr(pool, "_network_backend", None)
    if backend is not None:
        vars(pool)["_network_backend"] = BoundedBackend(backend, ends_at)
    return transport


def async_transport(base_url: str) -> httpx.AsyncBaseTransport:
    """Return a transport for tasks; what may take how long, an event loop can say itself. Raises as the other does."""
    import httpx

    return _made(base_url, httpx.AsyncHTTPTransport)


def environment_proxy(base_url: str) -> str | None:
    """The proxy that httpx.Client would take from the environment."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is None or proxy_bypass(parts.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _usable_proxy(base_url: str) -> str | None:
    """The proxy of the environment. Raises ValueError where its host has no name that can be looked up."""
    proxy = environment_proxy(base_url)
    if proxy is not None and not (urlsplit(proxy).hostname or "").encode("idna"):
        raise ValueError
    return proxy


def _made(base_url: str, kind: Callable[..., T]) -> T:
    """Make a transport of httpx, of a kind that it has for its two clients."""
    import httpx

    limits = httpx.Limits(
        max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_SECONDS
    )
    try:
        # Plain http goes to loopback only and speaks no TLS. A context that trusts nobody keeps it so, and saves
        # loading the CA certificates.
        trust = True if base_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return kind(verify=trust, limits=limits, proxy=_usable_proxy(base_url))
    except (ImportError, ValueError, httpx.InvalidURL):
        problem = "The proxy in the environment (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) cannot be used: check its URL."
    except OSError:
        problem = "The CA certificates in the environment (SSL_CERT_FILE or SSL_CERT_DIR) cannot be read."
    # Outside of the handlers: the URL of a proxy may hold a password.
    raise ConfigurationError(problem)
