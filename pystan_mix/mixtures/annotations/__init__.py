"""What may stand beside each observation: how often it occurs, its weight, its component."""
