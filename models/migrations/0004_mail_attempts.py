"""What the relay answered at each failed attempt to send a mail."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.uuid7 import uuid7
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0003_mail')]

    initial = False

    operations = [
        ops.CreateModel(
            name='MailAttempt',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('mail_id', fields.UUIDField()),
                ('failed_at', fields.BigIntField()),
                ('status', fields.CharField(max_length=16)),
                ('code', fields.IntField(null=True)),
                ('error', fields.CharField(null=True, max_length=300)),
            ],
            options={'table': 'mail_attempt', 'app': 'models', 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
