"""Data sets whose files and classes are listed: CSV files, the split files of video data sets."""
