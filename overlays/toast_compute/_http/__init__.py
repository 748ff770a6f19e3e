"""HTTP: everything that knows httpx, httpcore and sockets. `sender` loads the rest with the first request."""
