"""What the Celery worker does. Tasks take keys, and can run twice without harm:
a task is acknowledged late."""

import hashlib
import logging

from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from korrigo.celery import app

from .models import Copy

log = logging.getLogger(__name__)
READ_SIZE_BYTES = 1024 * 1024


@app.task
def inspect_copy(copy_id):
    """Stores the page count and SHA-256 of a copy's PDF, as read from disk."""
    # Here, because the backend imports this module only to enqueue.
    from pypdf import PdfReader
    from pypdf.errors import PdfReadError

    copy = Copy.objects.get(pk=copy_id)
    with copy.file.open("rb") as pdf:
        digest = hashlib.sha256()
        while block := pdf.read(READ_SIZE_BYTES):
            digest.update(block)
        pdf.seek(0)
        try:
            page_count = len(PdfReader(pdf).pages)
        except PdfReadError as error:
            log.warning("copy %s is not a readable PDF: %s", copy_id, error)
            page_count = None

    # Compare-and-set on the status: the copy may have been finalised meanwhile.
    facts = {"sha256": digest.hexdigest(), "page_count": page_count, "updated_at": timezone.now()}
    status = Copy.Status.REJECTED if page_count is None else Copy.Status.INSPECTED
    if not Copy.objects.filter(pk=copy_id, status=Copy.Status.UPLOADED).update(status=status, **facts):
        Copy.objects.filter(pk=copy_id).update(**facts)


@app.task
def refresh_statistics():
    with connection.cursor() as cursor:
        cursor.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY reporting.exam_statistics")


@app.task
def purge_sessions():
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
