"""PyTorch modules of nets that neither torchvision nor timm has; texts that ``port`` writes out.

Each is a file of its own that imports torch and ``same`` alone; nothing here imports them.
"""
