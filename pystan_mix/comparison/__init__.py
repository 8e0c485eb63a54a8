"""Whether posteriors are the same."""
