"""What may happen: plain async functions that take keywords and return rows. They know no GraphQL."""
