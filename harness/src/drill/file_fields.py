# Prints a JSON object a line for each column that names files: its table, quoted, its name, and
# where its files are below MEDIA_ROOT; null if they are not kept there.
import json
import os

from django.apps import apps
from django.conf import settings
from django.db import connection, models


def below_media_root(field):
    location = getattr(field.storage, "location", None)
    if location is None:
        return None
    path = os.path.relpath(os.path.realpath(location), os.path.realpath(settings.MEDIA_ROOT))
    return None if path.split(os.sep)[0] == os.pardir else path


for model in apps.get_models(include_auto_created=True):
    if model._meta.proxy:
        continue
    for field in model._meta.local_fields:
        if isinstance(field, models.FileField):
            print(
                json.dumps(
                    {
                        "table": connection.ops.quote_name(model._meta.db_table),
                        "column": field.column,
                        "below": below_media_root(field),
                    }
                )
            )
