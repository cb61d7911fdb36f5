"""Who may read, write and finalise a copy, over the API and /media/."""

import datetime
import hashlib
import io
import json
import shutil
import tempfile

from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client, TestCase, override_settings
from pypdf import PdfWriter

from grading import roles
from grading.models import AuditEntry, Copy, Exam, Profile, Student
from grading.subjects import archive_subject, read_subject
from grading.tasks import inspect_copy


def pdf(pages=2):
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


class CopyTest(TestCase):
    def setUp(self):
        media = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, media)
        # The SSL mode of the container must not matter here.
        overrides = override_settings(MEDIA_ROOT=media, SECURE_SSL_REDIRECT=False)
        overrides.enable()
        self.addCleanup(overrides.disable)

        self.exam = Exam.objects.create(title="Bac", subject="maths", date=datetime.date(2026, 6, 15))
        self.teacher = self.user("teacher", roles.TEACHER)
        self.exam.examiners.add(self.teacher)
        self.stranger = self.user("stranger", roles.TEACHER)
        self.pupil = self.user("pupil", roles.STUDENT)
        self.other_pupil = self.user("other", roles.STUDENT)

    def user(self, name, role):
        user = User.objects.create_user(name)
        user.groups.add(Group.objects.get(name=role))
        student = Student.objects.create(last_name=name) if role == roles.STUDENT else None
        Profile.objects.create(user=user, student=student)
        return user

    def upload(self, user=None, content=None):
        self.client.force_login(user or self.teacher)
        form = {
            "exam": self.exam.pk,
            "student": self.pupil.profile.student_id,
            "file": SimpleUploadedFile("../../scan.pdf", content or pdf()),
        }
        return self.client.post("/api/copies/", form)

    def post(self, path, body=None):
        return self.client.post(path, json.dumps(body or {}), content_type="application/json")

    def assert_asks_who(self, response):
        self.assertEqual(response.status_code, 401)
        self.assertEqual(response.headers["WWW-Authenticate"], 'Session realm="korrigo"')

    def test_who_is_not_signed_in_is_asked_and_who_may_not_is_refused(self):
        for path in ("/api/", "/api/copies/", "/api/auth/me/"):
            self.assert_asks_who(self.client.get(path))
        self.assert_asks_who(self.post("/api/copies/"))
        self.client.force_login(self.pupil)
        refused = self.client.get("/api/schema/")
        self.assertEqual((refused.status_code, refused.has_header("WWW-Authenticate")), (403, False))

    def test_a_wrong_password_is_refused_and_a_missing_token_too(self):
        self.teacher.set_password("right")
        self.teacher.save()
        client = Client(enforce_csrf_checks=True)
        client.get("/api/auth/csrf/")
        token = {"X-CSRFToken": client.cookies["csrftoken"].value}

        def log_in(password, headers):
            credentials = {"username": "teacher", "password": password}
            return client.post("/api/auth/login/", credentials, "application/json", headers=headers)

        self.assertEqual(log_in("right", {}).status_code, 403)
        self.assert_asks_who(log_in("wrong", token))
        self.assertEqual(log_in("right", token).status_code, 200)
        # Signed in, the framework itself asks for the token.
        self.assertEqual(client.post("/api/auth/logout/").status_code, 403)

    def test_examiner_uploads_and_the_worker_inspects(self):
        content = pdf(pages=3)
        response = self.upload(content=content)
        self.assertEqual(response.status_code, 201, response.content)
        inspect_copy(response.json()["id"])
        copy = Copy.objects.get()
        self.assertEqual((copy.page_count, copy.status), (3, Copy.Status.INSPECTED))
        self.assertEqual(copy.sha256, hashlib.sha256(content).hexdigest())
        self.assertRegex(copy.file.name, r"^copies/\d{4}/[0-9a-f-]{36}\.pdf$")

    def test_what_is_not_a_pdf_is_refused(self):
        self.assertEqual(self.upload(content=b"GIF89a").status_code, 400)

    def test_an_unreadable_pdf_is_rejected_by_the_worker(self):
        inspect_copy(self.upload(content=b"%PDF-1.7 cut").json()["id"])
        self.assertEqual(Copy.objects.get().status, Copy.Status.REJECTED)

    def test_only_examiners_of_the_exam_upload(self):
        self.assertEqual(self.upload(self.stranger).status_code, 403)
        self.assertEqual(self.upload(self.pupil).status_code, 403)

    def test_a_pdf_is_handed_to_its_pupil_and_its_examiner_alone(self):
        copy = self.upload().json()
        for path in (f"/api/copies/{copy['id']}/file/", copy["file"]):
            for user, expected in ((self.teacher, 200), (self.pupil, 200), (self.stranger, 404), (self.other_pupil, 404)):
                self.client.force_login(user)
                response = self.client.get(path)
                self.assertEqual(response.status_code, expected, (path, user))
                self.assertEqual(response.has_header("X-Accel-Redirect"), expected == 200)
            self.client.logout()
            self.assert_asks_who(self.client.get(path))

    def test_a_finalised_copy_is_closed_and_the_database_logs_it(self):
        path = f"/api/copies/{self.upload().json()['id']}/"
        note = {"page": 1, "x": 0.5, "y": 0.5, "text": "bien", "points": "1.125"}
        self.assertEqual(self.post(path + "annotations/", note).status_code, 201)
        self.assertEqual(self.post(path + "finalise/").status_code, 200)
        self.assertEqual(self.post(path + "annotations/", note).status_code, 409)
        self.assertEqual(self.post(path + "finalise/").status_code, 409)
        entry = AuditEntry.objects.get(action=AuditEntry.Action.STATUS)
        self.assertEqual(entry.detail, {"from": "uploaded", "to": "finalised"})

    def test_pupils_do_not_annotate(self):
        path = f"/api/copies/{self.upload().json()['id']}/annotations/"
        self.client.force_login(self.pupil)
        self.assertEqual(self.post(path, {"page": 1, "x": 0, "y": 0}).status_code, 403)

    def test_replacing_a_subject_leaves_one_large_object(self):
        archive_subject(self.exam, "sujet.pdf", b"first")
        archive = archive_subject(self.exam, "sujet.pdf", b"second\0")
        self.assertEqual(read_subject(archive), b"second\0")
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_largeobject_metadata")
            self.assertEqual(cursor.fetchone()[0], 1)
