"""A scanned exam copy, what examiners write on it, and what it scores."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from .exams import Exam, Question
from .people import Student


def copy_path(copy, _original_name):
    # Named by key, never by the uploaded name: that one is the user's to choose.
    return f"copies/{copy.created_year}/{copy.pk}.pdf"


class Copy(models.Model):
    class Status(models.TextChoices):
        UPLOADED = "uploaded"
        INSPECTED = "inspected"
        FINALISED = "finalised"
        REJECTED = "rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Examiners see this number instead of a name. It is drawn from
    # grading_anonymat_seq, which no column owns: numbers are never reused.
    anonymat = models.BigIntegerField(unique=True)
    exam = models.ForeignKey(Exam, models.PROTECT, related_name="copies")
    student = models.ForeignKey(Student, models.PROTECT, related_name="copies")
    file = models.FileField(upload_to=copy_path, max_length=255)
    original_name = models.CharField(max_length=255, blank=True)
    size_bytes = models.BigIntegerField()
    # Filled by grading.tasks.inspect_copy.
    sha256 = models.CharField(max_length=64, null=True, blank=True)
    page_count = models.IntegerField(null=True, blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.UPLOADED)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="uploaded_copies"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    finalised_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "copies"
        ordering = ["anonymat"]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(status="uploaded"), name="grading_copy_to_inspect"),
        ]
        constraints = [
            models.CheckConstraint(
                check=Q(status__in=["uploaded", "inspected", "finalised", "rejected"]),
                name="grading_copy_status_known",
            ),
            models.CheckConstraint(
                check=Q(status="finalised", finalised_at__isnull=False)
                | (~Q(status="finalised") & Q(finalised_at__isnull=True)),
                name="grading_copy_finalised_dated",
            ),
        ]

    def __str__(self):
        return f"copy {self.anonymat}"

    @property
    def created_year(self):
        return (self.created_at or timezone.now()).year


class Annotation(models.Model):
    copy = models.ForeignKey(Copy, models.CASCADE, related_name="annotations")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="annotations")
    page = models.IntegerField()
    # Position as a fraction of the page, from its top left corner.
    x = models.FloatField()
    y = models.FloatField()
    text = models.TextField(blank=True)
    points = models.DecimalField(max_digits=6, decimal_places=3, null=True, blank=True)
    payload = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(check=Q(page__gte=1), name="grading_annotation_page_from_one"),
        ]

    def __str__(self):
        return f"annotation {self.pk}"


class Score(models.Model):
    """The table also has points_centi, a stored generated column (migration 0002)
    that Django 4.2 cannot describe."""

    copy = models.ForeignKey(Copy, models.CASCADE, related_name="scores")
    question = models.ForeignKey(Question, models.PROTECT, related_name="scores")
    # The column's type is the domain grading_points: numeric(6,3), not negative.
    points = models.DecimalField(max_digits=6, decimal_places=3)
    graded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="scores"
    )
    graded_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["copy", "question"], name="grading_score_copy_question"),
        ]

    def __str__(self):
        return f"{self.copy_id}/{self.question_id}: {self.points}"
