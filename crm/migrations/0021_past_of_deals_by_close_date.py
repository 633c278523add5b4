from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('crm', '0020_asked_of_rules'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='dealversion',
            index=models.Index(condition=models.Q(('deleted_at', None), ('expected_close_date__isnull', False), ('stage__in', ['Prospecting', 'Qualification', 'Proposal', 'Negotiation'])), fields=['tenant', 'expected_close_date'], name='deal_past_by_close_date'),
        ),
        RemoveIndexConcurrently(
            model_name='dealversion',
            name='deal_past_by_close',
        ),
    ]
