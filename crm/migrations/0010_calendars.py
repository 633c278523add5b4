from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.lookups import IsNull


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('crm', '0009_undelivered_emails'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='activity',
            index=models.Index(models.F('tenant'), models.Case(models.When(start_at__isnull=False, then='start_at'), default='due_at'), models.F('assignee'), condition=models.Q(IsNull(models.Case(models.When(start_at__isnull=False, then='start_at'), default='due_at'), False), ('deleted_at', None)), name='activity_by_day'),
        ),
        AddIndexConcurrently(
            model_name='deal',
            index=models.Index(condition=models.Q(('deleted_at', None), ('expected_close_date__isnull', False)), fields=['tenant', 'expected_close_date', 'owner'], name='deal_by_day'),
        ),
    ]
