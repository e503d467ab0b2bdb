"""From a request's text to its answer: parsing, limits, cost, execution, deadline."""
