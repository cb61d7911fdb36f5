"""Who sits an exam, and what Korrigo adds to a Django user."""

import uuid

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Lower


class Student(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The national student number; newcomers from abroad have none yet, hence
    # nullable and unique rather than an empty string.
    ine = models.CharField(max_length=11, null=True, blank=True, unique=True)
    last_name = models.CharField(max_length=150)
    first_name = models.CharField(max_length=150)
    birth_date = models.DateField(null=True, blank=True)
    class_name = models.CharField(max_length=20, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["last_name", "first_name", "id"]
        indexes = [
            models.Index(Lower("last_name"), Lower("first_name"), name="grading_student_name_lower"),
            GinIndex(fields=["last_name"], opclasses=["gin_trgm_ops"], name="grading_student_name_trgm"),
        ]

    def __str__(self):
        return f"{self.last_name} {self.first_name}"


class Profile(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="profile")
    # Set for pupils only: it is what makes a copy "their own".
    student = models.OneToOneField(Student, models.PROTECT, null=True, blank=True, related_name="profile")
    phone = models.CharField(max_length=32, blank=True)
    preferences = models.JSONField(default=dict, blank=True)

    def __str__(self):
        return str(self.user)
