"""gunicorn, and the migrations: they run in its master, after the application is
loaded and before it listens, so that a start imports Django once, while the database
starts too.

RUN_MIGRATIONS=0   leave the schema alone (default: migrate)"""

import os

bind = "0.0.0.0:8000"
workers = 2
threads = 2
worker_class = "gthread"
# One import for all workers, and one clear failure instead of a boot loop.
preload_app = True
# Heartbeats in memory: on a disk, a long flush would look like a hung worker.
worker_tmp_dir = "/dev/shm"
timeout = 60
graceful_timeout = 8
# Its command socket has no user here, and this user has no home to put it.
control_socket_disable = True


def on_starting(_server):
    from django.core.management import call_command
    from django.db import connections

    from korrigo.database import answers, wait_until

    if os.environ.get("RUN_MIGRATIONS", "1") != "0":
        wait_until(answers, "the database")
        call_command("migrate", interactive=False, skip_checks=True)
    # Workers are forked from here: a shared connection would mix their answers.
    connections.close_all()
