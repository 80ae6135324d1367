"""The data sets: the official files, or generated stand-ins of the same form, as arrays that load at once."""

from rederive.data.arrays import Dataset, Split, load

__all__ = ["Dataset", "Split", "load"]
