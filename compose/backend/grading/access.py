"""Who may see and change which copies. The only place that says so."""

from . import roles
from .models import Copy, Exam, Student


def visible_exams(user):
    role = roles.role_of(user)
    if role == roles.ADMIN:
        return Exam.objects.all()
    if role == roles.TEACHER:
        return Exam.objects.filter(examiners=user)
    if role == roles.STUDENT:
        return Exam.objects.filter(copies__student__profile__user=user).distinct()
    return Exam.objects.none()


def visible_copies(user):
    role = roles.role_of(user)
    if role == roles.ADMIN:
        return Copy.objects.all()
    if role == roles.TEACHER:
        return Copy.objects.filter(exam__examiners=user)
    if role == roles.STUDENT:
        return Copy.objects.filter(student__profile__user=user)
    return Copy.objects.none()


def visible_students(user):
    if roles.role_of(user) in (roles.ADMIN, roles.TEACHER):
        return Student.objects.all()
    return Student.objects.filter(profile__user=user)


def may_grade(user):
    """Whether the user may change the copies that are visible to them."""
    return roles.role_of(user) in (roles.ADMIN, roles.TEACHER)
