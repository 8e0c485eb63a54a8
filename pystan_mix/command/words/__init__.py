"""What the words of the command line mean: options, models, priors, data."""
