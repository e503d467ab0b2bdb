"""The outbox: promised mails, their claims and attempts, and how long they are kept."""
