"""What mails say: mailers, templates, translations, links."""
