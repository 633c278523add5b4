import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('headlessly', '0011_folded_notifications'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='undorecord',
            index=django.contrib.postgres.indexes.GinIndex(fields=['tenant', 'refers'], name='undo_records_by_refers'),
        ),
    ]
