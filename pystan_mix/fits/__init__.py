"""A fit as ArviZ data: what stands in it, and what is read off it."""
