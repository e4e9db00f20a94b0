"""PyTorch code of the nets that neither torchvision nor timm has: source text for ``port``.

Each file imports torch and ``same`` alone. The package reads these files as text and imports none.
"""
