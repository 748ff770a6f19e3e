"""Answer requests without I/O and without a clock: a request and a moment in, a reply out."""
