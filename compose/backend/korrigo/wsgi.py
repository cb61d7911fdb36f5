import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

from .environment import settings_module

os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
application = get_wsgi_application()

# Before gunicorn forks, rather than in each worker's first request.
import_module("korrigo.urls")
