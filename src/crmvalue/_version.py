"""The version of the library, for the front door and for what is saved with it."""

__version__ = "0.1.0"
