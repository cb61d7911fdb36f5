# Says what Django itself thinks of its configuration, as one line of JSON. Given to
# `manage.py shell`, so that it sees the settings that this installation's own commands see.
#
# Of secrets it says their length and what they are made of, never a part of them.
import ast
import json
import math
import os
import sys
import zlib

MARK = "django-audit:"

# Settings that rules look at. Anything that may hold a password or a key is not among them.
PLAIN = """
ALLOWED_HOSTS AUTHENTICATION_BACKENDS CORS_ALLOW_ALL_ORIGINS CORS_ALLOW_CREDENTIALS
CORS_ALLOWED_ORIGINS CORS_ALLOWED_ORIGIN_REGEXES CORS_ORIGIN_ALLOW_ALL CSRF_COOKIE_DOMAIN
CSRF_COOKIE_HTTPONLY CSRF_COOKIE_SAMESITE CSRF_COOKIE_SECURE CSRF_TRUSTED_ORIGINS
CSRF_USE_SESSIONS DATA_UPLOAD_MAX_MEMORY_SIZE DEBUG DEBUG_PROPAGATE_EXCEPTIONS
FILE_UPLOAD_PERMISSIONS INTERNAL_IPS MEDIA_ROOT MEDIA_URL PASSWORD_HASHERS SECURE_CONTENT_TYPE_NOSNIFF
SECURE_CROSS_ORIGIN_OPENER_POLICY SECURE_HSTS_INCLUDE_SUBDOMAINS SECURE_HSTS_PRELOAD
SECURE_HSTS_SECONDS SECURE_PROXY_SSL_HEADER SECURE_REDIRECT_EXEMPT SECURE_REFERRER_POLICY
SECURE_SSL_HOST SECURE_SSL_REDIRECT SESSION_COOKIE_AGE SESSION_COOKIE_DOMAIN
SESSION_COOKIE_HTTPONLY SESSION_COOKIE_NAME SESSION_COOKIE_SAMESITE SESSION_COOKIE_SECURE
SESSION_ENGINE SESSION_SERIALIZER STATIC_ROOT STATIC_URL USE_X_FORWARDED_HOST
USE_X_FORWARDED_PORT X_FRAME_OPTIONS CONTENT_SECURITY_POLICY CONTENT_SECURITY_POLICY_REPORT_ONLY
""".split()
ENVIRONMENT = "DJANGO_ENV SSL_ENABLED DEBUG ALLOWED_HOSTS DJANGO_ALLOWED_HOSTS DJANGO_SETTINGS_MODULE".split()
PLACEHOLDERS = ("django-insecure-", "change-me", "changeme", "secret", "insecure", "your-secret")


def plain(value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return str(value)


def strength(key):
    key = key.decode("latin-1") if isinstance(key, bytes) else str(key)
    counts = [key.count(character) for character in set(key)]
    bits = -sum(count * math.log2(count / len(key)) for count in counts) if key else 0
    # Text that repeats itself is worth what is left of it once packed.
    packed = len(zlib.compress(key.encode(), 9)) - 8 if key else 0
    return {
        "length": len(key),
        "distinct": len(counts),
        "entropy_bits": int(min(bits, 8 * packed)),
        "placeholder": key.lower().startswith(PLACEHOLDERS),
    }


def chain(name, seen=()):
    """The settings modules: the one in use last, after those that it imports all of."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if not file or name in seen:
        return []
    with open(file, encoding="utf-8") as source:
        tree = ast.parse(source.read())
    before, assigned = [], {}
    package = getattr(module, "__package__", "") or ""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1]
            target = ".".join(filter(None, [*parts, node.module])) if node.level else node.module
            before += chain(target, (*seen, name))
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            for target in targets:
                if isinstance(target, ast.Name) and target.id.isupper():
                    assigned.setdefault(target.id, []).append(node.lineno)
    values = {key: plain(getattr(module, key, None)) for key in assigned if key in PLAIN}
    return [*before, {"name": name, "file": os.path.relpath(file), "assigned": assigned, "values": values}]


def message(item):
    return {
        "id": item.id or "",
        "level": item.level,
        "message": str(item.msg),
        "hint": str(item.hint or ""),
        "object": "" if item.obj is None else str(item.obj),
        "silenced": item.is_silenced(),
    }


def inspect():
    import django
    from django.conf import settings
    from django.core.checks import registry, run_checks

    registered = registry.registry.get_checks(include_deployment_checks=True)
    found = run_checks(include_deployment_checks=True, databases=list(settings.DATABASES))
    rest = getattr(settings, "REST_FRAMEWORK", {})
    return {
        "version": django.get_version(),
        "module": settings.SETTINGS_MODULE,
        "checks_run": sorted(f"{check.__module__}.{check.__qualname__}" for check in registered),
        # Django keeps its checks in a set: their order is another one in each process.
        "messages": sorted((message(item) for item in found), key=lambda it: (it["id"], it["message"], it["object"])),
        "silenced": list(settings.SILENCED_SYSTEM_CHECKS),
        "middleware": list(settings.MIDDLEWARE),
        "apps": list(settings.INSTALLED_APPS),
        "settings": {name: plain(getattr(settings, name)) for name in PLAIN if hasattr(settings, name)},
        "rest": {key: plain(value) for key, value in rest.items() if key.startswith("DEFAULT_")},
        "validators": len(settings.AUTH_PASSWORD_VALIDATORS),
        "secret_key": strength(settings.SECRET_KEY),
        "fallbacks": [strength(key) for key in settings.SECRET_KEY_FALLBACKS],
        "engines": {alias: db.get("ENGINE", "") for alias, db in settings.DATABASES.items()},
        "modules": chain(settings.SETTINGS_MODULE),
        "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
    }


print(MARK + json.dumps(inspect()))
