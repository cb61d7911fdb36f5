"""The one place that reads and judges the environment.

Every problem is found before any is reported, so that an operator repairs the
file once. settings.py calls load(), so that gunicorn, Celery and manage.py alike
exit 78 (EX_CONFIG) when it refuses. Needs no Django: `python -m
korrigo.environment` judges an environment alone."""

import ipaddress
import os
import re
import sys
import zlib
from dataclasses import dataclass, field

EX_CONFIG = 78
SECRET_KEY_MIN_LENGTH = 50
SECRET_KEY_MIN_DISTINCT = 10
# What is left of a key once packed: text that repeats itself is worth no more than that.
SECRET_KEY_MIN_PACKED = 24
PLACEHOLDER = "change-me"
HOST_NAME = re.compile(r"\.?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.I)

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"", "0", "false", "no", "off"}


@dataclass
class Environment:
    production: bool = False
    debug: bool = False
    ssl: bool = False
    # Names the installation in its backups.
    stack: str = ""
    secret_key: str = ""
    allowed_hosts: list = field(default_factory=list)
    csrf_trusted_origins: list = field(default_factory=list)
    cors_allowed_origins: list = field(default_factory=list)
    database: dict = field(default_factory=dict)
    redis: dict = field(default_factory=dict)


def settings_module(environ=os.environ):
    production = environ.get("DJANGO_ENV", "").strip() == "production"
    return "korrigo.settings_prod" if production else "korrigo.settings"


def read(environ=os.environ):
    """The environment, and the list of its problems (empty when it will do)."""
    env = Environment()
    problems = []

    kind = environ.get("DJANGO_ENV", "").strip()
    if kind not in ("", "production", "development"):
        problems.append(f'DJANGO_ENV is "{kind}"; it must be production or development')
    elif not kind and "DJANGO_ENV" in environ:
        # Nothing at all is a developer's shell; an empty value is a variable that was lost.
        problems.append("DJANGO_ENV is empty; it must be production or development")
    env.production = kind == "production"

    env.debug = _flag(environ, "DEBUG", problems)
    env.ssl = _flag(environ, "SSL_ENABLED", problems)
    if env.production and env.debug:
        problems.append("DEBUG is on; production must run with DEBUG=false")

    env.secret_key = environ.get("SECRET_KEY", "")
    _check_secret_key(env, problems)

    if env.production:
        env.allowed_hosts = _hosts(environ, "DJANGO_ALLOWED_HOSTS", problems)
    elif environ.get("ALLOWED_HOSTS", "").strip():
        env.allowed_hosts = _hosts(environ, "ALLOWED_HOSTS", problems)
    else:
        env.allowed_hosts = ["localhost", "127.0.0.1", "[::1]"]

    # As scripts/backup_common.sh has it.
    stack = environ.get("STACK_NAME", "") or environ.get("DJANGO_ALLOWED_HOSTS", "") or environ.get("POSTGRES_DB", "")
    env.stack = "".join(stack.split()).replace(",", "+")

    env.csrf_trusted_origins = _origins(environ, "DJANGO_CSRF_TRUSTED_ORIGINS", env, problems)
    env.cors_allowed_origins = _origins(environ, "DJANGO_CORS_ALLOWED_ORIGINS", env, problems)

    env.database = {
        "NAME": _required(environ, "POSTGRES_DB", problems),
        "USER": _required(environ, "POSTGRES_USER", problems),
        "PASSWORD": _secret(environ, "POSTGRES_PASSWORD", problems),
        "HOST": _required(environ, "POSTGRES_HOST", problems),
        "PORT": _port(environ, "POSTGRES_PORT", "5432", problems),
    }
    env.redis = {
        "host": _required(environ, "REDIS_HOST", problems),
        "port": _port(environ, "REDIS_PORT", "6379", problems),
        "password": _secret(environ, "REDIS_PASSWORD", problems),
    }
    return env, problems


def load(environ=os.environ):
    """The environment, or the end of the process with every problem named."""
    env, problems = read(environ)
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        print(
            f"korrigo: refusing to start, {len(problems)} problem(s) in the environment:{lines}\n"
            "hint: .env.prod.example explains each variable",
            file=sys.stderr,
        )
        sys.exit(EX_CONFIG)
    return env


def _flag(environ, name, problems):
    word = environ.get(name, "").strip().lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        problems.append(f'{name} is "{word}"; it must be true or false')
    return word in TRUE_WORDS


def _required(environ, name, problems):
    value = environ.get(name, "").strip()
    if not value:
        problems.append(f"{name} is missing or empty")
    return value


def _secret(environ, name, problems):
    value = environ.get(name, "")
    if not value.strip():
        problems.append(f"{name} is missing or empty")
    elif value.startswith(PLACEHOLDER):
        problems.append(f"{name} still has the value of the example file")
    return value


def _port(environ, name, default, problems):
    value = environ.get(name, "").strip() or default
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65536:
        problems.append(f'{name} is "{value}"; it must be a port number')
    return value


def _check_secret_key(env, problems):
    key = env.secret_key
    if not key.strip():
        problems.append("SECRET_KEY is missing or empty")
    elif not env.production:
        return
    elif key.startswith((PLACEHOLDER, "django-insecure-")):
        problems.append("SECRET_KEY is a placeholder; generate one")
    elif len(key) < SECRET_KEY_MIN_LENGTH or len(set(key)) < SECRET_KEY_MIN_DISTINCT:
        problems.append(
            f"SECRET_KEY is weak: it needs at least {SECRET_KEY_MIN_LENGTH} characters, "
            f"{SECRET_KEY_MIN_DISTINCT} of them distinct"
        )
    elif len(zlib.compress(key.encode(), 9)) - 8 < SECRET_KEY_MIN_PACKED:
        problems.append("SECRET_KEY is weak: it repeats itself; generate one")


def _list(environ, name):
    return [entry for entry in (part.strip() for part in environ.get(name, "").split(",")) if entry]


def _hosts(environ, name, problems):
    hosts = _list(environ, name)
    if not hosts:
        problem = f"{name} is missing or empty; name the hosts that clients may ask for"
        if name == "DJANGO_ALLOWED_HOSTS" and environ.get("ALLOWED_HOSTS", "").strip():
            problem += " (ALLOWED_HOSTS is set, but only the development settings read it)"
        problems.append(problem)
    for host in hosts:
        fault = _host_fault(host)
        if fault:
            problems.append(f'{name} entry "{host}" {fault}')
    return [host.lower() for host in hosts]


def _host_fault(host):
    """Why Django would never match this entry, or would match too much."""
    if "*" in host or host == ".":
        return "is a wildcard; name each host, or use .example.org for a domain and its subdomains"
    if any(character.isspace() for character in host):
        return "contains whitespace; separate hosts by commas"
    if "://" in host:
        return "has a scheme; write the host alone"
    if "/" in host or "@" in host:
        return "is not a host name"
    if host.startswith("["):
        literal, bracket, rest = host[1:].partition("]")
        if rest:
            return "has a port; hosts are matched without it"
        try:
            ipaddress.IPv6Address(literal)
        except ValueError:
            return "is not an IPv6 address"
        return None if bracket else "lacks its closing bracket"
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        pass
    else:
        return f"must be written in brackets: [{host}]"
    if ":" in host:
        return "has a port; hosts are matched without it"
    if host.endswith("."):
        return "ends with a dot; hosts are matched without it"
    if not HOST_NAME.fullmatch(host):
        return "is not a host name"
    if host.rpartition(".")[2].isdigit():
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return "is not an IPv4 address"
    return None


def _origins(environ, name, env, problems):
    origins = _list(environ, name)
    schemes = ("https://",) if env.ssl else ("https://", "http://")
    for origin in origins:
        if not origin.startswith(schemes):
            problems.append(f'{name} entry "{origin}" must start with {" or ".join(schemes)}')
        elif "*" in origin or "/" in origin.partition("://")[2]:
            problems.append(f'{name} entry "{origin}" must be one scheme and host, without path or wildcard')
    return origins


if __name__ == "__main__":
    load()
