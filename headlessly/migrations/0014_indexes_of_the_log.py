from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("headlessly", "0013_disabled_webhooks")]

    operations = [
        migrations.RemoveIndex("event", "event_by_actor"),
        migrations.RemoveIndex("event", "event_by_time"),
        migrations.AddIndex(
            "event",
            models.Index(fields=["tenant", "actor", "xid", "seq"], name="event_by_actor"),
        ),
        migrations.AddIndex(
            "event",
            models.Index(fields=["tenant", "timestamp", "xid", "seq"], name="event_by_time"),
        ),
        migrations.AddIndex(
            "event",
            models.Index(fields=["tenant", "target_type", "xid", "seq"], name="event_by_type"),
        ),
    ]
