"""Fuzz the SDK: with replies, in a matrix of faults and values, and in scenarios of many calls."""
