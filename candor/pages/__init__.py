"""HTML pages that links in mails open when the storefront has none of its own."""
