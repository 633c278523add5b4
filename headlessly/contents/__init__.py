"""The content of files that records keep."""
