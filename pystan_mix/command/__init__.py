"""The command line, `pystan-mix`."""
