"""The grading domain. What SQL alone can say (partitions, trigger, view, grants)
is in migrations/0002_database_objects.py."""

from .audit import AuditEntry
from .copies import Annotation, Copy, Score
from .exams import Exam, ExamArchive, Question
from .people import Profile, Student

__all__ = [
    "Annotation",
    "AuditEntry",
    "Copy",
    "Exam",
    "ExamArchive",
    "Profile",
    "Question",
    "Score",
    "Student",
]
