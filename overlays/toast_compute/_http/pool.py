"""The built-in transports: those of httpx, for one service and this environment."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from ..errors import ConfigurationError
from .network_backend import BoundedBackend

T = TypeVar("T")

# Shorter than the idle time of common load balancers, so that they rarely close a connection that is about to be used.
KEEPALIVE_SECONDS = 5.0


def sync_transport(base_url: str, max_connections: int, ends_at: Callable[[], float]) -> httpx.BaseTransport:
    """Return a transport on whose connections nothing lasts longer than `ends_at` allows the thread's call.

    Raises:
        ConfigurationError: the environment's proxy or its CA certificates cannot be used.
    """
    transport = _transport(httpx.HTTPTransport, base_url, max_connections)
    # Neither name is public, but httpx has no other way to set its backend. Without them the time still bounds each
    # read, and the test of the trickling head fails, since it no longer bounds them all.
    pool = getattr(transport, "_pool", None)
    backend = getattr(pool, "_network_backend", None)
    if backend is not None:
        vars(pool)["_network_backend"] = BoundedBackend(backend, ends_at)
    return transport


def async_transport(base_url: str, max_connections: int) -> httpx.AsyncBaseTransport:
    """Return a transport for tasks; the event loop bounds the time of their calls. Raises as `sync_transport` does."""
    return _transport(httpx.AsyncHTTPTransport, base_url, max_connections)


def environment_proxy(base_url: str) -> str | None:
    """Return the proxy that httpx.Client would take from the environment, or None."""
    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is None or proxy_bypass(parts.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _usable_proxy(base_url: str) -> str | None:
    """Return the proxy of the environment, or None. Raises ValueError for a host that cannot be looked up."""
    proxy = environment_proxy(base_url)
    if proxy is not None and not (urlsplit(proxy).hostname or "").encode("idna"):
        raise ValueError
    return proxy


def _transport(make: Callable[..., T], base_url: str, max_connections: int) -> T:
    limits = httpx.Limits(
        max_connections=max_connections, max_keepalive_connections=max_connections, keepalive_expiry=KEEPALIVE_SECONDS
    )
    try:
        # Plain http goes to loopback only and needs no TLS. A context that trusts nobody makes sure of that, and loads
        # no CA certificates, which takes long.
        trust = True if base_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return make(verify=trust, limits=limits, proxy=_usable_proxy(base_url))
    except (ImportError, ValueError, httpx.InvalidURL):
        problem = "The proxy in the environment (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) cannot be used: check its URL."
    except OSError:
        problem = "The CA certificates in the environment (SSL_CERT_FILE or SSL_CERT_DIR) cannot be read."
    # Outside of the handlers: the URL of a proxy may hold a password.
    raise ConfigurationError(problem)
