"""The rules: plain async functions that take keywords and return rows, without GraphQL."""
