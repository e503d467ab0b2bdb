"""The mail worker: claims due mails, composes and sends them, stores the outcome."""
