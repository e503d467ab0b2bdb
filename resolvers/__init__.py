"""What may happen: plain async functions, keywords in, rows out. They know no GraphQL."""
