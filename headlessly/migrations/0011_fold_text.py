from django.db import migrations

from headlessly.declaration import folding


class Migration(migrations.Migration):
    dependencies = [("headlessly", "0010_proposals")]

    operations = [migrations.RunSQL(folding.CREATE_FUNCTIONS, folding.DROP_FUNCTIONS)]
