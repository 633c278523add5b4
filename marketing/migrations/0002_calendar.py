from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('marketing', '0001_initial'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='campaign',
            index=models.Index(condition=models.Q(('deleted_at', None), ('start_date__isnull', False)), fields=['tenant', 'start_date'], name='campaign_by_day'),
        ),
    ]
