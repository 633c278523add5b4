from django.contrib.postgres.operations import BtreeGinExtension
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("headlessly", "0014_indexes_of_the_log")]

    operations = [BtreeGinExtension()]
