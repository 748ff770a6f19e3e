"""Bring requests to the engine: sockets, ASGI and httpx transports."""
