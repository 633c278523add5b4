from django.db import migrations

from headlessly.declaration import folding


class Migration(migrations.Migration):
    dependencies = [
        ("headlessly", "0003_trials_show_samples_and_keep_mappings"),
    ]

    operations = [migrations.RunSQL(folding.CREATE_WORDS, folding.DROP_WORDS)]
