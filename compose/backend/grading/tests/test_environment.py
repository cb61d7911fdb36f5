"""The start-up rules: what production refuses, and what it says."""

from django.test import SimpleTestCase

from korrigo import environment

GOOD = {
    "DJANGO_ENV": "production",
    "SECRET_KEY": "mVq2LxZr8Tn4Yb6Kd0Wc9Js1Hg3Pf5Ae7Ru-Ot_QiXwSzMkBvNyCl",
    "DJANGO_ALLOWED_HOSTS": "korrigo.example.org",
    "POSTGRES_DB": "korrigo",
    "POSTGRES_USER": "korrigo",
    "POSTGRES_PASSWORD": "p",
    "POSTGRES_HOST": "db",
    "REDIS_HOST": "redis",
    "REDIS_PASSWORD": "r",
}


def read(**changes):
    return environment.read({name: value for name, value in {**GOOD, **changes}.items() if value is not None})


class StartUpTest(SimpleTestCase):
    def assert_refused(self, *words, **changes):
        _, problems = read(**changes)
        self.assertEqual(len(problems), 1, problems)
        for word in words:
            self.assertIn(word, problems[0])

    def assert_hosts(self, value, expected):
        env, problems = read(DJANGO_ALLOWED_HOSTS=value)
        self.assertEqual(problems, [])
        self.assertEqual(env.allowed_hosts, expected)

    def test_a_complete_environment_is_accepted(self):
        self.assertEqual(read()[1], [])

    def test_every_missing_variable_is_named_at_once(self):
        required = [name for name in GOOD if name != "DJANGO_ENV"]
        _, problems = environment.read({"DJANGO_ENV": "production"})
        for name in required:
            self.assertTrue(any(problem.startswith(name) for problem in problems), name)

    def test_weak_secret_keys_are_refused(self):
        self.assert_refused("SECRET_KEY", "weak", SECRET_KEY="short")
        self.assert_refused("SECRET_KEY", "weak", SECRET_KEY="ab" * 40)
        self.assert_refused("SECRET_KEY", "placeholder", SECRET_KEY="django-insecure-" + "0123456789abcdef" * 4)
        self.assert_refused("SECRET_KEY", "repeats itself", SECRET_KEY="abcdefghijkl" * 5)

    def test_debug_is_refused_in_production(self):
        self.assert_refused("DEBUG", DEBUG="true")

    def test_hosts_that_are_empty_or_only_whitespace_are_refused(self):
        for value in (None, "", "  ", " , ,"):
            self.assert_refused("DJANGO_ALLOWED_HOSTS", "missing or empty", DJANGO_ALLOWED_HOSTS=value)

    def test_the_base_variable_alone_is_reported_as_a_mistake(self):
        self.assert_refused("ALLOWED_HOSTS is set", DJANGO_ALLOWED_HOSTS=None, ALLOWED_HOSTS="korrigo.example.org")

    def test_wildcards_schemes_and_ports_are_refused(self):
        self.assert_refused("wildcard", DJANGO_ALLOWED_HOSTS="*")
        self.assert_refused("wildcard", DJANGO_ALLOWED_HOSTS="korrigo.example.org,*")
        self.assert_refused("scheme", DJANGO_ALLOWED_HOSTS="https://korrigo.example.org")
        self.assert_refused("port", DJANGO_ALLOWED_HOSTS="korrigo.example.org:443")
        self.assert_refused("port", DJANGO_ALLOWED_HOSTS="[::1]:443")
        self.assert_refused("brackets", DJANGO_ALLOWED_HOSTS="2001:db8::10")

    def test_hosts_that_no_request_could_ask_for_are_refused(self):
        self.assert_refused("dot", DJANGO_ALLOWED_HOSTS="korrigo.example.org.")
        self.assert_refused("IPv4", DJANGO_ALLOWED_HOSTS="192.0.2.300")
        self.assert_refused("IPv4", DJANGO_ALLOWED_HOSTS="192.0.2")
        self.assert_refused("closing bracket", DJANGO_ALLOWED_HOSTS="[2001:db8::10")
        for value in ("korrigo.example.org;a", "korrigo..org", "-a.example.org", "a$b.example.org"):
            self.assert_refused("not a host name", DJANGO_ALLOWED_HOSTS=value)

    def test_an_empty_kind_of_environment_is_refused(self):
        self.assert_refused("DJANGO_ENV", "empty", DJANGO_ENV="", ALLOWED_HOSTS="localhost")

    def test_hosts_of_every_kind_are_accepted(self):
        self.assert_hosts("Korrigo.Example.org", ["korrigo.example.org"])
        self.assert_hosts(" a.example.org , 192.0.2.10,", ["a.example.org", "192.0.2.10"])
        self.assert_hosts("[2001:db8::10]", ["[2001:db8::10]"])
        self.assert_hosts(".example.org", [".example.org"])

    def test_trusted_origins_must_be_https_when_ssl_is_enabled(self):
        self.assert_refused(
            "DJANGO_CSRF_TRUSTED_ORIGINS", SSL_ENABLED="true", DJANGO_CSRF_TRUSTED_ORIGINS="http://a.example.org"
        )
