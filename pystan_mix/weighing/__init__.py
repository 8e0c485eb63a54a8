"""The whole posterior weighed, modes that chains have not found included."""
