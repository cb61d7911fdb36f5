from decimal import Decimal
from django.conf import settings
import django.contrib.postgres.indexes
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.functions.text
import grading.models.copies
import grading.models.exams
import uuid


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Before the trigram index on students.
        TrigramExtension(),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('action', models.CharField(choices=[('login', 'Login'), ('upload', 'Upload'), ('download', 'Download'), ('annotate', 'Annotate'), ('status', 'Status')], max_length=16)),
                ('object_type', models.TextField()),
                ('object_id', models.TextField()),
                ('address', models.GenericIPAddressField(blank=True, null=True)),
                ('detail', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name_plural': 'audit entries',
                'db_table': 'grading_auditlog',
                'ordering': ['-created_at', '-id'],
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Copy',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('anonymat', models.BigIntegerField(unique=True)),
                ('file', models.FileField(max_length=255, upload_to=grading.models.copies.copy_path)),
                ('original_name', models.CharField(blank=True, max_length=255)),
                ('size_bytes', models.BigIntegerField()),
                ('sha256', models.CharField(blank=True, max_length=64, null=True)),
                ('page_count', models.IntegerField(blank=True, null=True)),
                ('status', models.CharField(choices=[('uploaded', 'Uploaded'), ('inspected', 'Inspected'), ('finalised', 'Finalised'), ('rejected', 'Rejected')], default='uploaded', max_length=16)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('finalised_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name_plural': 'copies',
                'ordering': ['anonymat'],
            },
        ),
        migrations.CreateModel(
            name='Exam',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=200)),
                ('subject', models.CharField(max_length=100)),
                ('date', models.DateField()),
                ('coefficient', models.DecimalField(decimal_places=2, default=Decimal('1.00'), max_digits=5)),
                ('settings', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('examiners', models.ManyToManyField(blank=True, related_name='exams', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-date', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Question',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('label', models.CharField(blank=True, max_length=200)),
                ('max_points', models.DecimalField(decimal_places=3, max_digits=6)),
                ('exam', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='questions', to='grading.exam')),
            ],
            options={
                'ordering': ['exam', 'number'],
            },
        ),
        migrations.CreateModel(
            name='Student',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('ine', models.CharField(blank=True, max_length=11, null=True, unique=True)),
                ('last_name', models.CharField(max_length=150)),
                ('first_name', models.CharField(max_length=150)),
                ('birth_date', models.DateField(blank=True, null=True)),
                ('class_name', models.CharField(blank=True, max_length=20)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['last_name', 'first_name', 'id'],
                'indexes': [models.Index(django.db.models.functions.text.Lower('last_name'), django.db.models.functions.text.Lower('first_name'), name='grading_student_name_lower'), django.contrib.postgres.indexes.GinIndex(fields=['last_name'], name='grading_student_name_trgm', opclasses=['gin_trgm_ops'])],
            },
        ),
        migrations.CreateModel(
            name='Score',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('points', models.DecimalField(decimal_places=3, max_digits=6)),
                ('graded_at', models.DateTimeField(auto_now=True)),
                ('copy', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='scores', to='grading.copy')),
                ('graded_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='scores', to=settings.AUTH_USER_MODEL)),
                ('question', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='scores', to='grading.question')),
            ],
        ),
        migrations.CreateModel(
            name='Profile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('phone', models.CharField(blank=True, max_length=32)),
                ('preferences', models.JSONField(blank=True, default=dict)),
                ('student', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='profile', to='grading.student')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='profile', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='ExamArchive',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject_oid', grading.models.exams.OidField()),
                ('subject_name', models.CharField(max_length=255)),
                ('size_bytes', models.BigIntegerField()),
                ('sha256', models.CharField(max_length=64)),
                ('stored_at', models.DateTimeField(auto_now_add=True)),
                ('exam', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='archive', to='grading.exam')),
            ],
            options={
                'db_table': 'grading_exam_archive',
            },
        ),
        migrations.AddField(
            model_name='copy',
            name='exam',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='copies', to='grading.exam'),
        ),
        migrations.AddField(
            model_name='copy',
            name='student',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='copies', to='grading.student'),
        ),
        migrations.AddField(
            model_name='copy',
            name='uploaded_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='uploaded_copies', to=settings.AUTH_USER_MODEL),
        ),
        migrations.CreateModel(
            name='Annotation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('page', models.IntegerField()),
                ('x', models.FloatField()),
                ('y', models.FloatField()),
                ('text', models.TextField(blank=True)),
                ('points', models.DecimalField(blank=True, decimal_places=3, max_digits=6, null=True)),
                ('payload', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='annotations', to=settings.AUTH_USER_MODEL)),
                ('copy', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='annotations', to='grading.copy')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddConstraint(
            model_name='score',
            constraint=models.UniqueConstraint(fields=('copy', 'question'), name='grading_score_copy_question'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['DEFERRED'], fields=('exam', 'number'), name='grading_question_exam_number'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.CheckConstraint(check=models.Q(('max_points__gt', 0)), name='grading_question_max_points_positive'),
        ),
        migrations.AddConstraint(
            model_name='exam',
            constraint=models.CheckConstraint(check=models.Q(('coefficient__gt', 0)), name='grading_exam_coefficient_positive'),
        ),
        migrations.AddIndex(
            model_name='copy',
            index=models.Index(condition=models.Q(('status', 'uploaded')), fields=['created_at'], name='grading_copy_to_inspect'),
        ),
        migrations.AddConstraint(
            model_name='copy',
            constraint=models.CheckConstraint(check=models.Q(('status__in', ['uploaded', 'inspected', 'finalised', 'rejected'])), name='grading_copy_status_known'),
        ),
        migrations.AddConstraint(
            model_name='copy',
            constraint=models.CheckConstraint(check=models.Q(models.Q(('finalised_at__isnull', False), ('status', 'finalised')), models.Q(models.Q(('status', 'finalised'), _negated=True), ('finalised_at__isnull', True)), _connector='OR'), name='grading_copy_finalised_dated'),
        ),
        migrations.AddConstraint(
            model_name='annotation',
            constraint=models.CheckConstraint(check=models.Q(('page__gte', 1)), name='grading_annotation_page_from_one'),
        ),
    ]
