"""Who a request is from: the session's user. A request without one is answered 401 with a
challenge, as HTTP wants it (RFC 9110, 11.6.1); 403 is left for those who are known and may
not, and for a request without its CSRF token."""

from rest_framework.authentication import SessionAuthentication

# A scheme that no browser knows: none opens a window of its own that asks for a password.
CHALLENGE = 'Session realm="korrigo"'


class ChallengingSessionAuthentication(SessionAuthentication):
    def authenticate_header(self, request):
        return CHALLENGE
