from django.db import migrations

from headlessly.declaration import folding


class Migration(migrations.Migration):
    dependencies = [("headlessly", "0011_imports_as_files_come")]

    operations = [migrations.RunSQL(folding.CREATE_FUNCTIONS, folding.DROP_FUNCTIONS)]
