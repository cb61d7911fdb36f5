import uuid

from django.db import connection, transaction
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.response import Response

from .. import access
from ..audit import record
from ..media import protected_file
from ..models import Annotation, AuditEntry, Copy
from ..tasks import inspect_copy
from .serializers import AnnotationSerializer, CopySerializer, UploadSerializer


class Finalised(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "the copy is finalised"
    default_code = "finalised"


def next_anonymat():
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('grading_anonymat_seq')")
        return cursor.fetchone()[0]


class CopyViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, viewsets.GenericViewSet
):
    queryset = Copy.objects.none()
    serializer_class = CopySerializer
    parser_classes = [JSONParser, MultiPartParser, FormParser]

    def get_queryset(self):
        copies = access.visible_copies(self.request.user)
        exam = self.request.query_params.get("exam")
        if exam is not None:
            if not exam.isascii() or not exam.isdigit():
                raise ValidationError({"exam": "must be a number"})
            copies = copies.filter(exam=exam)
        return copies

    def get_editable_copy(self):
        """The copy, locked, if this user may change it and it is not final.
        Without the lock, a note could slip in behind a finalisation."""
        copy = self.get_object()
        if not access.may_grade(self.request.user):
            raise PermissionDenied
        copy = Copy.objects.select_for_update().get(pk=copy.pk)
        if copy.status == Copy.Status.FINALISED:
            raise Finalised
        return copy

    @extend_schema(parameters=[OpenApiParameter("exam", OpenApiTypes.INT)])
    def list(self, request, *args, **kwargs):
        return super().list(request, *args, **kwargs)

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={201: CopySerializer})
    def create(self, request, *args, **kwargs):
        if not access.may_grade(request.user):
            raise PermissionDenied
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        exam, upload = form.validated_data["exam"], form.validated_data["file"]
        if not access.visible_exams(request.user).filter(pk=exam.pk).exists():
            raise PermissionDenied("not an examiner of this exam")
        with transaction.atomic():
            copy = Copy.objects.create(
                id=uuid.uuid4(),
                anonymat=next_anonymat(),
                exam=exam,
                student=form.validated_data["student"],
                file=upload,
                original_name=upload.name,
                size_bytes=upload.size,
                uploaded_by=request.user,
            )
            record(request, AuditEntry.Action.UPLOAD, copy, size_bytes=upload.size)
            transaction.on_commit(lambda: inspect_copy.delay(str(copy.pk)))
        return Response(CopySerializer(copy).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def file(self, request, pk=None):
        return protected_file(request, self.get_object())

    @extend_schema(methods=["GET"], responses=AnnotationSerializer(many=True))
    @extend_schema(methods=["POST"], request=AnnotationSerializer, responses={201: AnnotationSerializer})
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def annotations(self, request, pk=None):
        if request.method == "GET":
            notes = Annotation.objects.filter(copy=self.get_object())
            return Response(AnnotationSerializer(notes, many=True).data)
        form = AnnotationSerializer(data=request.data)
        with transaction.atomic():
            copy = self.get_editable_copy()
            form.is_valid(raise_exception=True)
            note = form.save(copy=copy, author=request.user)
            record(request, AuditEntry.Action.ANNOTATE, copy, annotation=note.pk)
        return Response(AnnotationSerializer(note).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=CopySerializer)
    @action(detail=True, methods=["post"])
    def finalise(self, request, pk=None):
        with transaction.atomic():
            copy = self.get_editable_copy()
            copy.status = Copy.Status.FINALISED
            copy.finalised_at = timezone.now()
            copy.save(update_fields=["status", "finalised_at", "updated_at"])
        return Response(CopySerializer(copy).data)
