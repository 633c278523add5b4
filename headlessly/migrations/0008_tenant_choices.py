from django.db import migrations, models

import headlessly.access.suggestions


class Migration(migrations.Migration):
    dependencies = [("headlessly", "0007_views")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="choices",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text=(
                    "Its own lists where it has them: "
                    '{"Lead.lostReason": ["Price", "Timing"]}.'
                ),
                validators=[headlessly.access.suggestions.check_suggestions],
                verbose_name="suggestions",
            ),
        ),
    ]
