from django.conf import settings
from rest_framework import serializers

from ..models import Annotation, Copy, Exam, Student

PDF_MAGIC = b"%PDF-"


class StudentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Student
        fields = ["id", "ine", "last_name", "first_name", "class_name"]


class ExamSerializer(serializers.ModelSerializer):
    class Meta:
        model = Exam
        fields = ["id", "title", "subject", "date", "coefficient", "settings"]


class CopySerializer(serializers.ModelSerializer):
    # The path alone: behind a proxy, the host name is the client's business.
    file = serializers.CharField(source="file.url", read_only=True)

    class Meta:
        model = Copy
        fields = [
            "id",
            "anonymat",
            "exam",
            "student",
            "file",
            "status",
            "size_bytes",
            "sha256",
            "page_count",
            "created_at",
            "updated_at",
            "finalised_at",
        ]
        read_only_fields = fields


class UploadSerializer(serializers.Serializer):
    exam = serializers.PrimaryKeyRelatedField(queryset=Exam.objects.all())
    student = serializers.PrimaryKeyRelatedField(queryset=Student.objects.all())
    file = serializers.FileField()

    def validate_file(self, upload):
        if upload.size > settings.COPY_MAX_BYTES:
            raise serializers.ValidationError(f"the file is larger than {settings.COPY_MAX_BYTES} bytes")
        magic = upload.read(len(PDF_MAGIC))
        upload.seek(0)
        if magic != PDF_MAGIC:
            raise serializers.ValidationError("the file is not a PDF")
        return upload


class AnnotationSerializer(serializers.ModelSerializer):
    x = serializers.FloatField(min_value=0, max_value=1)
    y = serializers.FloatField(min_value=0, max_value=1)
    page = serializers.IntegerField(min_value=1)

    class Meta:
        model = Annotation
        fields = ["id", "copy", "author", "page", "x", "y", "text", "points", "payload", "created_at", "updated_at"]
        read_only_fields = ["id", "copy", "author", "created_at", "updated_at"]
