"""Hold the state of the cloud: worlds, the instances in them, and how they are stored."""
