from django.apps import AppConfig


class GradingConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "grading"
    verbose_name = "Grading of exam copies"

    def ready(self):
        # Its classes register themselves.
        from .api import schema  # noqa: F401
