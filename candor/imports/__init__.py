"""Reads files of orders and reviews from other systems, and stores them."""
