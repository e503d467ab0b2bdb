"""Faster execution of hot operations, with the results of the stock executor."""
