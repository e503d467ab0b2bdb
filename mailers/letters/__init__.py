"""What mails say: facts from rows, templates, translations, links."""
