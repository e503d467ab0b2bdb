"""From the text of a request to its result: parsing, limits, cost, execution, deadline."""
