"""What stands in for small parts of numpy, scipy and Python that are gone (``ground.GONE``)."""
