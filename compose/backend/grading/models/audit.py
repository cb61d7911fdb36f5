"""Who did what. The table is partitioned by year, which Django cannot describe:
migration 0002 creates it, this model only reads and appends."""

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    class Action(models.TextChoices):
        LOGIN = "login"
        UPLOAD = "upload"
        DOWNLOAD = "download"
        ANNOTATE = "annotate"
        STATUS = "status"

    id = models.BigAutoField(primary_key=True)
    # The column's type is the enum grading_audit_action.
    action = models.CharField(max_length=16, choices=Action.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False
    )
    object_type = models.TextField()
    object_id = models.TextField()
    address = models.GenericIPAddressField(null=True, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        managed = False
        db_table = "grading_auditlog"
        verbose_name_plural = "audit entries"
        ordering = ["-created_at", "-id"]

    def __str__(self):
        return f"{self.action} {self.object_type} {self.object_id}"
