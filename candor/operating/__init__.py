"""What the operator sees: logs, metrics, traces and health."""
