"""Knowledge of the lifecycle: transitions, and how long a status may be stale."""
