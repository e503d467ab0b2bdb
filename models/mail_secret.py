"""The secret that keys the lasting digests of mail, encrypted with the installation's secret."""

from tortoise import fields
from tortoise.models import Model


class MailSecret(Model):
    name = fields.CharField(max_length=8, primary_key=True, default="lasting")
    # A Fernet token.
    locked = fields.TextField()

    class Meta:
        table = "mail_secret"
