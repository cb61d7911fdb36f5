"""An exam, its questions, and its subject kept as a PostgreSQL large object."""

from decimal import Decimal

from django.conf import settings as django_settings
from django.db import models
from django.db.models import Deferrable, Q


class OidField(models.BigIntegerField):
    """A reference to a large object (pg_largeobject_metadata.oid)."""

    def db_type(self, connection):
        return "oid"


class Exam(models.Model):
    title = models.CharField(max_length=200)
    subject = models.CharField(max_length=100)
    date = models.DateField()
    coefficient = models.DecimalField(max_digits=5, decimal_places=2, default=Decimal("1.00"))
    settings = models.JSONField(default=dict, blank=True)
    examiners = models.ManyToManyField(django_settings.AUTH_USER_MODEL, related_name="exams", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-date", "id"]
        constraints = [
            models.CheckConstraint(check=Q(coefficient__gt=0), name="grading_exam_coefficient_positive"),
        ]

    def __str__(self):
        return self.title


class Question(models.Model):
    exam = models.ForeignKey(Exam, models.CASCADE, related_name="questions")
    number = models.PositiveSmallIntegerField()
    label = models.CharField(max_length=200, blank=True)
    max_points = models.DecimalField(max_digits=6, decimal_places=3)

    class Meta:
        ordering = ["exam", "number"]
        constraints = [
            # Deferred, so that two questions can swap their numbers in one transaction.
            models.UniqueConstraint(
                fields=["exam", "number"],
                name="grading_question_exam_number",
                deferrable=Deferrable.DEFERRED,
            ),
            models.CheckConstraint(check=Q(max_points__gt=0), name="grading_question_max_points_positive"),
        ]

    def __str__(self):
        return f"{self.exam_id}/{self.number}"


class ExamArchive(models.Model):
    """The exam's subject as handed out. It lives in the database, so that a dump
    of the database alone can prove what was asked."""

    exam = models.OneToOneField(Exam, models.CASCADE, related_name="archive")
    subject_oid = OidField()
    subject_name = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    stored_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "grading_exam_archive"

    def __str__(self):
        return self.subject_name
