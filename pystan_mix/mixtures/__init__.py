"""Mixtures: priors, families of components, observations, and their joint density."""
