"""The formats that ``port`` writes, one file or folder a target."""
