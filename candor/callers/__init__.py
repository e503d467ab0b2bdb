"""Who is calling: tokens, keys, links, and what each caller may spend."""
