"""Honest ratings and reviews as a service that a marketplace runs itself."""

__version__ = "0.1.0"
