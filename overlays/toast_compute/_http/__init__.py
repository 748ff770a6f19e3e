"""HTTP: all that knows httpx, httpcore and sockets."""
