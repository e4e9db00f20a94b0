"""Data sets in TFRecord files, as the scripts of slim write and read them."""
