# Prints a marked JSON object a line for each column that names files: its table, with its schema
# as the application finds it, quoted; its name; and where its files are below MEDIA_ROOT, null if
# they are not kept there. The last line says how many models were looked at: without it the
# script did not come to its end.
import json
import os

from django.apps import apps
from django.conf import settings
from django.db import connection, models

QUALIFIED = """
    SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = pg_catalog.to_regclass(%s)"""


def say(**words):
    print("dr-drill " + json.dumps(words))


def below_media_root(field):
    location = getattr(field.storage, "location", None)
    if location is None:
        return None
    path = os.path.relpath(os.path.realpath(location), os.path.realpath(settings.MEDIA_ROOT))
    return None if path.split(os.sep)[0] == os.pardir else path


def qualified(table):
    name = connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        cursor.execute(QUALIFIED, [name])
        found = cursor.fetchone()
    return found[0] if found else name


looked_at = [model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]
columns = 0
for model in looked_at:
    for field in model._meta.local_fields:
        if isinstance(field, models.FileField):
            columns += 1
            say(
                line="column",
                table=qualified(model._meta.db_table),
                column=field.column,
                below=below_media_root(field),
            )
say(line="end", models=len(looked_at), columns=columns)
