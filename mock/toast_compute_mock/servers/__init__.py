"""The ways in which a request reaches the engine: sockets, ASGI and httpx transports."""
