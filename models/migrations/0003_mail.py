"""The state of the relay's circuit breaker, opt-outs and suppressions."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.uuid7 import uuid7
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0002_order_updates')]

    initial = False

    operations = [
        ops.CreateModel(
            name='MailChannel',
            fields=[
                ('name', fields.CharField(primary_key=True, default='smtp', unique=True, db_index=True, max_length=8)),
                ('failures', fields.IntField(default=0)),
                ('down_until', fields.BigIntField(default=0)),
                ('last_error', fields.CharField(null=True, max_length=300)),
            ],
            options={'table': 'mail_channel', 'app': 'models', 'pk_attr': 'name'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MailOptout',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('recipient_hash', fields.CharField(max_length=32)),
                ('category', fields.CharField(max_length=20)),
                ('opted_out_at', fields.BigIntField()),
            ],
            options={'table': 'mail_optout', 'app': 'models', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='MailSuppression',
            fields=[
                ('recipient_hash', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ('reason', fields.CharField(null=True, max_length=200)),
                ('suppressed_at', fields.BigIntField()),
            ],
            options={'table': 'mail_suppression', 'app': 'models', 'pk_attr': 'recipient_hash'},
            bases=['Model'],
        ),
    ]
