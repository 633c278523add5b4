from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('crm', '0018_replies_that_wait'),
        ('headlessly', '0009_subscriptions'),
    ]

    operations = [
        migrations.CreateModel(
            name='RuleAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule_version', models.PositiveIntegerField()),
                ('record', models.CharField(db_collation='C', max_length=32)),
                ('record_type', models.CharField(max_length=64)),
                ('because', models.TextField(null=True)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('next_at', models.DateTimeField(null=True)),
                ('rule', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='crm.rule')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='headlessly.tenant')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('next_at__isnull', False)), fields=['tenant', 'next_at', 'id'], name='rule_attempt_due'), models.Index(condition=models.Q(('because__isnull', False)), fields=['tenant', 'rule', '-last_at', '-id'], name='rule_attempt_newest'), models.Index(fields=['tenant', 'last_at'], name='rule_attempt_by_age')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'rule', 'record'), name='one_attempt_a_record')],
            },
        ),
        migrations.AddField(
            model_name='rule',
            name='off_hours',
            field=models.CharField(db_default='Pass over', default='Pass over', max_length=32),
        ),
        migrations.AddField(
            model_name='ruleversion',
            name='off_hours',
            field=models.CharField(db_default='Pass over', max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='scorerun',
            name='attempts',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='scorerun',
            name='because',
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name='scorerun',
            name='counted_by',
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name='teammember',
            name='away_from',
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='teammember',
            name='calendar',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='places', to='crm.calendar'),
        ),
        migrations.AddField(
            model_name='teammemberversion',
            name='away_from',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='teammemberversion',
            name='calendar',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='crm.calendar'),
        ),
        AddIndexConcurrently(
            model_name='teammember',
            index=models.Index(condition=models.Q(('calendar__isnull', False)), fields=['tenant', 'calendar'], name='place_by_calendar'),
        ),
    ]
