"""Production. DJANGO_ENV=production selects this file; SSL_ENABLED then decides
whether all that only makes sense over HTTPS is on. Without it the stack is
"production-like" over plain HTTP: Secure cookies would never come back, and
logging in would be impossible."""

from .settings import *  # noqa: F403
from .settings import ENVIRONMENT

DEBUG = False

SESSION_COOKIE_SECURE = ENVIRONMENT.ssl
CSRF_COOKIE_SECURE = ENVIRONMENT.ssl

if ENVIRONMENT.ssl:
    # nginx overwrites this header in every request it passes on, and nothing but
    # nginx can reach gunicorn.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # nginx has redirected already; this answers who comes another way.
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
