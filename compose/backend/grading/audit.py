"""Appends to the audit log what the API does on a user's behalf. Changes of a
copy's status are logged by the database itself."""

from .models import AuditEntry


def record(request, action, obj, **detail):
    AuditEntry.objects.create(
        action=action,
        actor_id=request.user.pk,
        object_type=obj._meta.model_name,
        object_id=str(obj.pk),
        # nginx overwrites this header; without it gunicorn was asked directly.
        address=request.META.get("HTTP_X_REAL_IP") or request.META.get("REMOTE_ADDR") or None,
        detail=detail,
    )
