"""The whole posterior from the prior, without chains."""
