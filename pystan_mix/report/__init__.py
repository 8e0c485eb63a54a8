"""What there is to say of a fit, as JSON takes it and as text."""
