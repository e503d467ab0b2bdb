"""What clients see: Strawberry types and fields. No SQL and no rules."""
