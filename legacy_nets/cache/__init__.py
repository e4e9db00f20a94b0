"""What commands keep in the user's cache folder: choices of engines, and outputs."""
