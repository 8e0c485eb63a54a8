"""Moves and likelihoods in C++."""
