"""What is wrong with a fit, in words."""
