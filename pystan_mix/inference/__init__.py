"""From a model and data to a fit, by CmdStan."""
