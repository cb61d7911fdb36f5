"""Waiting for the database, which starts beside whoever needs it."""

import time

from django.db import OperationalError, connection

TIMEOUT_S = 120
PAUSE_S = 0.1


def wait_until(is_ready, awaited, timeout_s=TIMEOUT_S):
    """Asks until `is_ready` holds. A refusal by a server that has the password is final."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if is_ready():
                return
            seen = "not yet"
        except OperationalError as error:
            if _is_refused(error):
                raise
            connection.close()
            seen = str(error).strip()
        if time.monotonic() > deadline:
            raise SystemExit(f"gave up on {awaited} after {timeout_s:g} s: {seen}")
        time.sleep(PAUSE_S)


def answers():
    connection.ensure_connection()
    return True


def _is_refused(error):
    # A server that is starting turns everyone away before it asks for a password.
    session = getattr(error.__cause__, "pgconn", None)
    return session is not None and session.used_password
