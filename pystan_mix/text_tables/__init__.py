"""Text as a table of numbers: what separates cells, which line has names, what a word spells."""
