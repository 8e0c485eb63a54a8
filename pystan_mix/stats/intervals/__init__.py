"""Probabilities of intervals, right far out and of narrow ones, and what follows of them."""
