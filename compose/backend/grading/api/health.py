"""Is the service alive, and can it do its work?

live: this process answers. ready: the database answers, the cache keeps what it
is given, media can be written. /api/health/ says both at once. Reasons go to
the log, not to the client."""

import logging
import tempfile
import uuid

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

log = logging.getLogger(__name__)


def _database():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _cache():
    key = f"health-{uuid.uuid4()}"
    cache.set(key, "kept", timeout=5)
    if cache.get(key) != "kept":
        raise RuntimeError("the cache did not keep a value")
    cache.delete(key)


def _media():
    # An unnamed file where the system has them (Linux): a backup that runs at
    # this moment sees nothing of it.
    with tempfile.TemporaryFile(dir=settings.MEDIA_ROOT) as probe:
        probe.write(b"health")
        probe.flush()


CHECKS = {"database": _database, "cache": _cache, "media": _media}


def _run_checks():
    outcomes = {}
    for name, check in CHECKS.items():
        try:
            check()
            outcomes[name] = "ok"
        except Exception:
            log.exception("health check %s failed", name)
            outcomes[name] = "error"
    return outcomes


def _response(checks):
    healthy = all(outcome == "ok" for outcome in checks.values())
    body = {"status": "ok" if healthy else "error", "checks": checks}
    return JsonResponse(body, status=200 if healthy else 503)


@never_cache
@require_safe
def live(_request):
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(_request):
    return _response(_run_checks())


@never_cache
@require_safe
def combined(_request):
    return _response({"live": "ok", **_run_checks()})
