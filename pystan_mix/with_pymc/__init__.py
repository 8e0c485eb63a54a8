"""The same mixtures in PyMC, which the extra `pymc` brings."""
