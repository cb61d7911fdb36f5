# A site of two pages, over TLS where it is given a certificate. Intact it is what policies ask
# for; otherwise without content security policy, and with a session that anybody can read.
import os
import re
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INTACT = os.environ["INTACT"] == "yes"
TLS = os.path.exists("/tls/fullchain.pem")
OWN = re.compile(r"(site\.test|localhost)(:\d+)?")
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "X-XSS-Protection": "1; mode=block",
}
if TLS:
    CSP += "; upgrade-insecure-requests"
    HEADERS["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains; preload"
COOKIE = "sessionid=s3cret; Path=/; SameSite=Lax"
if INTACT:
    HEADERS["Content-Security-Policy"] = CSP
    COOKIE += "; HttpOnly; Secure" if TLS else "; HttpOnly"


class Site(BaseHTTPRequestHandler):
    def version_string(self):
        return "site"

    def do_GET(self):
        hosts = self.headers.get_all("Host") or [""]
        own = len(hosts) == 1 and OWN.fullmatch(hosts[0].strip().lower())
        found = own and self.path in ("/", "/about")
        page = b"<title>site</title><a href='/about'>about</a><a href='/logout'>leave</a>"
        self.send_response(200 if found else 404 if own else 400)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page) if found else 0))
        self.send_header("Set-Cookie", COOKIE)
        self.end_headers()
        if found:
            self.wfile.write(page)


server = ThreadingHTTPServer(("", 8000), Site)
if TLS:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain("/tls/fullchain.pem", "/tls/privkey.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
