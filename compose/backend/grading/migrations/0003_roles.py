from django.conf import settings
from django.db import migrations


def create_groups(apps, _schema_editor):
    group = apps.get_model("auth", "Group")
    for name in ("admin", "teacher", "student"):
        group.objects.get_or_create(name=name)


class Migration(migrations.Migration):

    dependencies = [
        ("grading", "0002_database_objects"),
        ("auth", "0012_alter_user_first_name_max_length"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Accounts may be members by now, so going back keeps the groups.
        migrations.RunPython(create_groups, migrations.RunPython.noop),
    ]
