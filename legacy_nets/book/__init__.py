"""The tables of the book: what the site's pages and the command ``book`` show of the live package.

``docs/_ext/book_directives.py`` makes pages of them.
"""
