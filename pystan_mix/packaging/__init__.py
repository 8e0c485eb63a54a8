"""Wheels that bring the Stan programs compiled; only the build of a wheel needs it."""
