from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('crm', '0016_results_of_activities'),
        ('headlessly', '0009_subscriptions'),
        ('marketing', '0003_shape_teams_and_notifications'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='lead',
            index=models.Index(condition=models.Q(('converted_at__isnull', False), ('deleted_at', None)), fields=['tenant', 'converted_at'], include=('first_touch_at', 'owner'), name='lead_by_converted'),
        ),
        RemoveIndexConcurrently(
            model_name='lead',
            name='lead_by_conversion',
        ),
    ]
