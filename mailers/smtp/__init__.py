"""Sends mails: MIME, SMTP, and the other transports."""
