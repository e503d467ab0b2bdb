"""The outbox: promised mails, their claims, their tries and how long they are kept."""
