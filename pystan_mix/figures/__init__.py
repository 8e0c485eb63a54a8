"""Figures of fits, of priors and of comparisons."""
