from django.urls import include, path
from rest_framework.routers import DefaultRouter

from .api import auth, copies, exams, health

# Its root (GET /api/) lists the collections, to those who are logged in.
router = DefaultRouter()
router.include_format_suffixes = False
router.register("exams", exams.ExamViewSet)
router.register("students", exams.StudentViewSet)
router.register("copies", copies.CopyViewSet)

urlpatterns = [
    path("health/", health.combined),
    path("health/live/", health.live),
    path("health/ready/", health.ready),
    path("auth/csrf/", auth.CsrfView.as_view()),
    path("auth/login/", auth.LoginView.as_view()),
    path("auth/logout/", auth.LogoutView.as_view()),
    path("auth/me/", auth.MeView.as_view()),
    path("", include(router.urls)),
]
