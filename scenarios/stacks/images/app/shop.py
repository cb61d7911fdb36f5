"""A small shop, as applications of compose projects are: migrations, pages, uploads, a worker.

DATABASE_URL   postgresql://… or sqlite:///path
MEDIA_ROOT     folder of the uploads
REDIS_URL      where jobs wait; none if it is not set
MIGRATE        0: another container migrates
SEED           0: nothing is for sale until somebody was registered as the first administrator

Each seeding gives other codes, so that a shop that was seeded again is not the one that was lost.
"""

import hashlib
import html
import http.client
import http.server
import os
import pathlib
import re
import secrets
import socket
import sys
import time
import urllib.parse

MEDIA = pathlib.Path(os.environ.get("MEDIA_ROOT", "/app/media"))
STATIC = pathlib.Path(__file__).parent / "static"
ITEMS = ["Apple", "Bread", "Cheese", "Dates", "Eggs", "Figs"]
TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8"}

SCHEMA = """
CREATE TABLE IF NOT EXISTS item (
    id {serial}, name text NOT NULL, code text NOT NULL UNIQUE, price numeric(8, 2) NOT NULL);
CREATE TABLE IF NOT EXISTS upload (
    id {serial}, item_id integer NOT NULL REFERENCES item, path text NOT NULL, sha256 text NOT NULL);
CREATE TABLE IF NOT EXISTS job (id {serial}, said text NOT NULL);
CREATE TABLE IF NOT EXISTS administrator (id {serial}, name text NOT NULL)
"""


class Database:
    """One connection, of either engine."""

    def __init__(self):
        url = os.environ["DATABASE_URL"]
        self.is_file = url.startswith("sqlite:///")
        if self.is_file:
            import sqlite3

            self.connection = sqlite3.connect(url.removeprefix("sqlite:///"))
            self.connection.execute("PRAGMA journal_mode = WAL")
        else:
            import psycopg2

            self.connection = psycopg2.connect(url)

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        if not failed:
            self.connection.commit()
        self.connection.close()

    def run(self, sql, *values):
        cursor = self.connection.cursor()
        cursor.execute(sql.replace("?", "?" if self.is_file else "%s"), values)
        return cursor.fetchall() if cursor.description else []


def patiently(action):
    """Databases start later than what needs them."""
    last = None
    for _ in range(60):
        try:
            return action()
        except Exception as error:
            if "psycopg2" not in type(error).__module__:
                raise
            last = error
            time.sleep(0.5)
    sys.exit(f"shop: the database does not answer: {last}")


def migrate():
    with Database() as database:
        serial = "integer PRIMARY KEY" if database.is_file else "serial PRIMARY KEY"
        if not database.is_file:
            database.run("SELECT pg_advisory_xact_lock(13)")
        for statement in SCHEMA.format(serial=serial).split(";"):
            database.run(statement)
        if os.environ.get("SEED", "1") == "1" and not database.run("SELECT 1 FROM item"):
            for at, name in enumerate(ITEMS):
                add(database, name, picture(name), at)
    print("shop: migrated")


def picture(name):
    colour = secrets.token_hex(3)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><title>{name}</title>'
        f'<circle cx="4" cy="4" r="4" fill="#{colour}"/></svg>'
    ).encode()


def add(database, name, image, cents=0):
    code = secrets.token_hex(4)
    database.run(
        "INSERT INTO item (name, code, price) VALUES (?, ?, ?)", name, code, f"{len(name)}.{cents:02}"
    )
    [(item,)] = database.run("SELECT id FROM item WHERE code = ?", code)
    MEDIA.mkdir(parents=True, exist_ok=True)
    (MEDIA / f"{code}.svg").write_bytes(image)
    database.run(
        "INSERT INTO upload (item_id, path, sha256) VALUES (?, ?, ?)",
        item,
        f"{code}.svg",
        hashlib.sha256(image).hexdigest(),
    )
    return item


def redis(*words):
    """One command, in the protocol of Redis."""
    url = urllib.parse.urlsplit(os.environ["REDIS_URL"])
    text = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    with socket.create_connection((url.hostname, url.port or 6379), timeout=5) as stream:
        stream.sendall(f"*{len(words)}\r\n{text}".encode())
        return stream.recv(4096).decode()


def worker():
    while True:
        try:
            said = redis("LPOP", "jobs")
        except OSError as error:
            print(f"shop: no redis: {error}")
            said = "$-1"
        if said.startswith("$-1"):
            time.sleep(1)
            continue
        with Database() as database:
            database.run("INSERT INTO job (said) VALUES (?)", said.split("\r\n")[1])


class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        try:
            self.get(path)
        except Exception as error:
            print(f"shop: {type(error).__name__}: {error}", file=sys.stderr)
            self.answer(500, "<title>Error</title><h1>Something went wrong</h1>")

    def get(self, path):
        for prefix, folder in (("/media/", MEDIA), ("/static/", STATIC)):
            if path.startswith(prefix):
                return self.file(folder / pathlib.PurePosixPath(path).name)
        if path == "/health":
            with Database() as database:
                database.run("SELECT 1")
            return self.answer(200, "ok", kind="text/plain")
        if path == "/login":
            return self.page("Sign in", '<form method="post"><input name="name">'
                             '<input type="password" name="password"><button>Sign in</button></form>')
        with Database() as database:
            items = database.run("SELECT id, name, code, price FROM item ORDER BY id")
            owners = database.run("SELECT count(*) FROM administrator")[0][0]
        if not items and not owners:
            if path != "/setup":
                return self.answer(302, "", location="/setup")
            return self.page("Shop", '<h1>Create the first administrator</h1><form method="post">'
                             '<input name="name"><button>Create</button></form>')
        if path == "/":
            rows = "".join(
                f'<li><a href="/items/{item}">{html.escape(name)}</a> {price}</li>'
                for item, name, _, price in items
            )
            return self.page("Shop", f'<h1>{len(items)} items</h1><ul>{rows}</ul>'
                             '<a href="/login">Sign in</a> <a href="/logout">Sign out</a>')
        found = re.fullmatch(r"/items/(\d+)", path)
        chosen = [item for item in items if found and item[0] == int(found[1])]
        if not chosen:
            return self.answer(404, "<title>Not found</title><h1>Not found</h1>")
        _, name, code, price = chosen[0]
        return self.page(f"{name} {code}", f'<h1>{html.escape(name)}</h1><p>{price}</p>'
                         f'<img src="/media/{code}.svg" alt=""><a href="/">all</a>')

    def do_POST(self):
        length = min(int(self.headers.get("Content-Length", 0)), 1 << 20)
        fields = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode()))
        name = fields.get("name", "Thing")
        if self.path == "/setup":
            with Database() as database:
                database.run("INSERT INTO administrator (name) VALUES (?)", name)
            return self.answer(302, "", location="/")
        if self.path == "/items":
            with Database() as database:
                item = add(database, name, picture(html.escape(name)))
            if os.environ.get("REDIS_URL"):
                redis("RPUSH", "jobs", f"item {item}")
            return self.answer(302, "", location=f"/items/{item}")
        return self.answer(403, "<title>Forbidden</title><h1>Forbidden</h1>")

    def page(self, title, body):
        self.answer(200, f"<!doctype html><title>{html.escape(title)}</title>"
                    f'<link rel="stylesheet" href="/static/shop.css">{body}')

    def file(self, path):
        if not path.is_file():
            return self.answer(404, "<title>Not found</title><h1>Not found</h1>")
        kind = TYPES.get(path.suffix, "application/octet-stream")
        return self.answer(200, path.read_bytes(), kind=kind)

    def answer(self, status, body, kind="text/html; charset=utf-8", location=None):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)


class Proxy(http.server.BaseHTTPRequestHandler):
    """Passes requests on to UPSTREAM, as a proxy does that reads labels of containers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        upstream = http.client.HTTPConnection(os.environ["UPSTREAM"], timeout=10)
        try:
            upstream.request("GET", self.path, headers={"Host": self.headers.get("Host", "")})
            answer = upstream.getresponse()
            status, headers, body = answer.status, answer.getheaders(), answer.read()
        except OSError:
            status, headers, body = 502, [], b"bad gateway"
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(handler):
    # Threads, and none that a stop has to wait for.
    http.server.ThreadingHTTPServer.daemon_threads = True
    http.server.ThreadingHTTPServer(("", int(os.environ.get("PORT", "8000"))), handler).serve_forever()


def main():
    role = sys.argv[1] if len(sys.argv) > 1 else "web"
    if role == "proxy":
        return serve(Proxy)
    if role == "migrate":
        return patiently(migrate)
    if role == "worker":
        return worker()
    if os.environ.get("MIGRATE", "1") == "1":
        patiently(migrate)
    return serve(Shop)


if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main()
