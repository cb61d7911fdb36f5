"""A service that needs the database starts beside it."""

from django.db import OperationalError, connections
from django.test import SimpleTestCase

from korrigo.database import wait_until


def connect(**changes):
    session = connections.create_connection("default")
    session.settings_dict = {**session.settings_dict, **changes}
    session.ensure_connection()
    session.close()
    return True


class WaitForDatabaseTest(SimpleTestCase):
    databases = {"default"}

    def test_a_server_that_is_not_there_yet_is_asked_again(self):
        asked = []

        def is_ready():
            asked.append(True)
            return connect(PORT="1") if len(asked) < 3 else connect()

        wait_until(is_ready, "the database")
        self.assertEqual(len(asked), 3)

    def test_one_that_refuses_the_password_is_not(self):
        with self.assertRaises(OperationalError):
            wait_until(lambda: connect(PASSWORD="not the password"), "the database")

    def test_one_that_never_comes_is_given_up_with_what_was_last_seen(self):
        with self.assertRaisesRegex(SystemExit, "gave up on the database after 0.2 s: .*refused"):
            wait_until(lambda: connect(PORT="1"), "the database", timeout_s=0.2)

    def test_what_is_never_ready_is_given_up(self):
        with self.assertRaisesRegex(SystemExit, "gave up on the migrations after 0.2 s: not yet"):
            wait_until(lambda: False, "the migrations", timeout_s=0.2)
