"""Exam subjects, kept as PostgreSQL large objects."""

import hashlib

from django.db import connection, transaction

from .models import ExamArchive


@transaction.atomic
def archive_subject(exam, name, content):
    """Stores the subject of an exam, in place of an earlier one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT lo_from_bytea(0, %s)", [content])
        (oid,) = cursor.fetchone()
    # A trigger (lo_manage) removes the large object that this one replaces.
    archive, _ = ExamArchive.objects.update_or_create(
        exam=exam,
        defaults={
            "subject_oid": oid,
            "subject_name": name,
            "size_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        },
    )
    return archive


def read_subject(archive):
    with connection.cursor() as cursor:
        cursor.execute("SELECT lo_get(%s::oid)", [archive.subject_oid])
        (content,) = cursor.fetchone()
    return bytes(content)
