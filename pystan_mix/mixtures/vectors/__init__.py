"""What is particular to observations that are vectors."""
