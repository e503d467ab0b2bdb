"""Mails on their way out: MIME, SMTP, and the other transports."""
