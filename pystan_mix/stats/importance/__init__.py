"""Importance sampling: weights, the proposals that they come from, and how these adapt."""
