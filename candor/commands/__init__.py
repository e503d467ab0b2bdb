"""The command line `candor`."""
