"""Report what a run has found."""
