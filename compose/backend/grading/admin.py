from django.contrib import admin

from .models import AuditEntry, Copy, Exam, Profile, Question, Student


class QuestionInline(admin.TabularInline):
    model = Question
    extra = 0


@admin.register(Exam)
class ExamAdmin(admin.ModelAdmin):
    list_display = ("title", "subject", "date", "coefficient")
    filter_horizontal = ("examiners",)
    inlines = [QuestionInline]


@admin.register(Student)
class StudentAdmin(admin.ModelAdmin):
    list_display = ("last_name", "first_name", "class_name", "ine")
    search_fields = ("last_name", "first_name", "ine")


@admin.register(Copy)
class CopyAdmin(admin.ModelAdmin):
    list_display = ("anonymat", "exam", "status", "page_count", "created_at")
    list_filter = ("status",)
    raw_id_fields = ("exam", "student", "uploaded_by")
    readonly_fields = ("sha256", "page_count", "size_bytes")

    # Copies enter through the API, which numbers and inspects them.
    def has_add_permission(self, request):
        return False


@admin.register(Profile)
class ProfileAdmin(admin.ModelAdmin):
    raw_id_fields = ("user", "student")


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):
    list_display = ("created_at", "action", "actor", "object_type", "object_id")

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False
