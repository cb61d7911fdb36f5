from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound

from .. import access
from ..models import Exam, ExamArchive, Student
from ..subjects import read_subject
from .serializers import ExamSerializer, StudentSerializer


class ExamViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = Exam.objects.none()
    serializer_class = ExamSerializer

    def get_queryset(self):
        return access.visible_exams(self.request.user)

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def subject(self, request, pk=None):
        """The subject as it was handed out, from the database's large objects."""
        archive = ExamArchive.objects.filter(exam=self.get_object()).first()
        if archive is None:
            raise NotFound
        response = HttpResponse(read_subject(archive), content_type="application/octet-stream")
        response["Content-Disposition"] = f'attachment; filename="sujet-{archive.exam_id}"'
        return response


class StudentViewSet(viewsets.ReadOnlyModelViewSet):
    queryset = Student.objects.none()
    serializer_class = StudentSerializer

    def get_queryset(self):
        return access.visible_students(self.request.user)
