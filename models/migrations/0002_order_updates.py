"""Order updates, their notes and solves, and the team. Constraints are added separately, as in 0001."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.order_update import OrderUpdateStatus
from models.uuid7 import uuid7
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='TeamMember',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('external_id', fields.CharField(unique=True, max_length=200)),
                ('display_name', fields.CharField(max_length=200)),
                ('email', fields.CharField(null=True, max_length=320)),
                ('locale', fields.CharField(null=True, max_length=35)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'team_member', 'app': 'models', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='OrderUpdate',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('order', fields.ForeignKeyField('models.Order', source_field='order_id', db_constraint=True, to_field='id', related_name='updates', on_delete=OnDelete.RESTRICT)),
                ('title', fields.CharField(max_length=200)),
                ('status', fields.CharEnumField(description='OPEN: OPEN\nSOLVED: SOLVED\nCLOSED: CLOSED', enum_type=OrderUpdateStatus, max_length=8)),
                ('customer_visible', fields.BooleanField()),
                ('assignee', fields.ForeignKeyField('models.TeamMember', source_field='assignee_id', null=True, db_constraint=True, to_field='id', related_name='assigned_updates', on_delete=OnDelete.RESTRICT)),
                ('solves', fields.SmallIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('solved_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('team_activity_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('customer_activity_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'order_update', 'app': 'models', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='UpdateNote',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('update', fields.ForeignKeyField('models.OrderUpdate', source_field='update_id', db_constraint=True, to_field='id', related_name='notes', on_delete=OnDelete.RESTRICT)),
                ('author', fields.ForeignKeyField('models.TeamMember', source_field='author_id', null=True, db_constraint=True, to_field='id', related_name='notes', on_delete=OnDelete.RESTRICT)),
                ('body', fields.TextField(unique=False)),
                ('internal', fields.BooleanField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'update_note', 'app': 'models', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='UpdateSolve',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('update', fields.ForeignKeyField('models.OrderUpdate', source_field='update_id', db_constraint=True, to_field='id', related_name='solved', on_delete=OnDelete.RESTRICT)),
                ('number', fields.SmallIntField()),
                ('solved_by', fields.ForeignKeyField('models.TeamMember', source_field='solved_by_id', db_constraint=True, to_field='id', related_name='solves', on_delete=OnDelete.RESTRICT)),
                ('credited_to', fields.ForeignKeyField('models.TeamMember', source_field='credited_to_id', db_constraint=True, to_field='id', related_name='credits', on_delete=OnDelete.RESTRICT)),
                ('customer_visible', fields.BooleanField()),
                ('notified', fields.BooleanField()),
                ('solved_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('stars', fields.SmallIntField(null=True)),
                ('comment', fields.TextField(null=True, unique=False)),
                ('rated_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'update_solve', 'app': 'models', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddConstraint('OrderUpdate', CheckConstraint(check="(status = 'OPEN') = (solved_at IS NULL)", name='ck_order_update_solved')),
        ops.AddConstraint('OrderUpdate', CheckConstraint(check="(status = 'CLOSED') = (closed_at IS NOT NULL)", name='ck_order_update_closed')),
        ops.AddConstraint('UpdateSolve', CheckConstraint(check='stars BETWEEN 1 AND 5', name='ck_update_solve_stars')),
        ops.AddConstraint('UpdateSolve', CheckConstraint(check='(stars IS NULL) = (rated_at IS NULL)', name='ck_update_solve_rated')),
        ops.AddConstraint('UpdateSolve', CheckConstraint(check='comment IS NULL OR stars IS NOT NULL', name='ck_update_solve_comment')),
        ops.AddConstraint('UpdateSolve', CheckConstraint(check='stars IS NULL OR customer_visible', name='ck_update_solve_visible')),
    ]
