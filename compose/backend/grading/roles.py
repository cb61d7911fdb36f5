"""The roles of Korrigo are Django groups of these names."""

ADMIN = "admin"
TEACHER = "teacher"
STUDENT = "student"
ALL = (ADMIN, TEACHER, STUDENT)


def role_of(user):
    """The most powerful role of a user, or None for an account without one."""
    if user.is_superuser:
        return ADMIN
    groups = set(user.groups.values_list("name", flat=True))
    return next((role for role in ALL if role in groups), None)
