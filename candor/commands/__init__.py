"""The command `candor`, and what its commands do."""
