"""What the lifecycle in the contract says of a status: what can follow it, and how long it may be stale."""
