"""Commands with files of their own."""
