from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from grading.media import ProtectedMediaView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/", include("grading.urls")),
    path("media/<path:name>", ProtectedMediaView.as_view(), name="media"),
]
