"""The Celery application: worker and beat, and the files by which their health
checks see that they are alive."""

import os
from pathlib import Path

from celery import Celery
from celery.beat import PersistentScheduler
from celery.signals import heartbeat_sent, worker_init, worker_ready

from .environment import settings_module

WORKER_ALIVE = Path("/tmp/celery-worker.alive")
BEAT_ALIVE = Path("/tmp/celery-beat.alive")

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())

app = Celery("korrigo")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
@heartbeat_sent.connect
def touch_worker_alive(**_):
    # Heartbeats go through the broker, every two seconds: a worker that lost it
    # stops touching this file.
    WORKER_ALIVE.touch()


class AliveScheduler(PersistentScheduler):
    def tick(self, *args, **kwargs):
        BEAT_ALIVE.touch()
        return super().tick(*args, **kwargs)


@worker_init.connect
def wait_for_migrations(**_):
    """The worker starts beside the backend, which migrates: a task that a
    restart left in the queue must not find yesterday's tables."""
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.recorder import MigrationRecorder

    from .database import wait_until

    shipped = MigrationLoader(None).disk_migrations.keys()
    recorder = MigrationRecorder(connection)
    wait_until(lambda: shipped <= recorder.applied_migrations().keys(), "the migrations")
    connection.close()
