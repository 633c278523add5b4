from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0019_rules_tried_again_and_hours'),
    ]

    operations = [
        migrations.AddField(
            model_name='ruleattempt',
            name='asked_at',
            field=models.DateTimeField(null=True),
        ),
    ]
