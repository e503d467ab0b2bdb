"""Which reviews of a chunk have three characters in a row."""

from tortoise import fields
from tortoise.models import Model


class SearchGram(Model):
    # The chunk and the gram in one number: see `models.text_grams`.
    gram: int = fields.BigIntField(primary_key=True, generated=False)
    amount: int = fields.IntField()
    numbers: bytes = fields.BinaryField()

    class Meta:
        table = "search_gram"
