"""Stored files, handed out by nginx on Django's word (X-Accel-Redirect). There
is no other way to them: /_protected_media/ is internal to nginx."""

import posixpath
from urllib.parse import quote

from django.http import Http404, HttpResponse
from django.views import View

from . import access
from .api.authentication import CHALLENGE
from .audit import record
from .models import AuditEntry

PROTECTED_PREFIX = "/_protected_media/"


def protected_file(request, copy):
    """The response that makes nginx send the PDF of a copy."""
    record(request, AuditEntry.Action.DOWNLOAD, copy)
    response = HttpResponse(content_type="application/pdf")
    response["X-Accel-Redirect"] = PROTECTED_PREFIX + quote(copy.file.name)
    response["Content-Disposition"] = f'inline; filename="copie-{copy.anonymat}.pdf"'
    response["Cache-Control"] = "private, no-store"
    return response


class ProtectedMediaView(View):
    http_method_names = ["get", "head", "options"]

    def get(self, request, name):
        if not request.user.is_authenticated:
            response = HttpResponse("authentication required", content_type="text/plain", status=401)
            response["WWW-Authenticate"] = CHALLENGE
            return response
        # Compared with what the database holds, so that no path is ever opened
        # because a client spelled it.
        copy = access.visible_copies(request.user).filter(file=posixpath.normpath(name)).first()
        if copy is None:
            raise Http404
        return protected_file(request, copy)
