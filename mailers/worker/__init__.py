"""The mail worker: claims due mails, writes and sends them, records the outcome."""
