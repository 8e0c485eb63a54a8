"""The notebook "Marginalizing over discrete variables", start to end."""
