"""What the API's description cannot find out by itself."""

from drf_spectacular.authentication import SessionScheme


class ChallengingSessionScheme(SessionScheme):
    """A session's cookie, as for the class that it builds on."""

    target_class = "grading.api.authentication.ChallengingSessionAuthentication"
