"""Answers for every outside name of a sandbox, takes down what is sent there, forwards nothing.

Each name has an address of its own at the end of every network, so that a connection says which
name it is for. Every TCP port leads here. What is seen is a line of JSON on standard output:

    {"ready": true, "forwards": true}          once; whether the engine asks it for outside names
    {"part": 0, "count": 2, "attempt": {…}}    when first seen; the last line of an attempt holds
    {"part": 0, "dropped": 7}                  attempts beyond the bound, of which nothing is kept
    {"part": 1}                                SIGUSR1: all counts are said, and a new part begins

Never taken down: bodies, headers but for Host, queries, credentials, parts of paths that look like
keys.
"""

import asyncio
import ipaddress
import json
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys

import h11
from aiosmtpd.smtp import SMTP, AuthResult
from dnslib import A, DNSRecord, QTYPE, RCODE, RR

PORT = 4
SMTP_PORTS = {25, 465, 587, 2525}
# Who waits for a greeting on a port of mail gets one after this; elsewhere nobody speaks first.
GREET_AFTER_S = 0.3
SILENT_FOR_S = 3
OPEN_FOR_S = 30
CONNECTIONS = 200
# Of a part, each; a line for each that is new, and again at most every ten seconds.
ATTEMPTS = 500
NAMES = 4096
SAID_EVERY_S = 10
HEAD_BYTES = 16384
TEXT_CHARS = 200
RECIPIENTS = 20
SO_ORIGINAL_DST = 80
CANARY = "forwards.dr-drill.invalid"
RULES = f"""table ip sink {{
    chain in {{
        type nat hook prerouting priority dstnat
        iifname != "lo" meta l4proto tcp redirect to :{PORT}
    }}
}}"""
DISCARDED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def say(**line):
    print(json.dumps(line), flush=True)


def text(value):
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value[:TEXT_CHARS]


def without_keys(target):
    """A path without query and fragment, its parts that look like keys left out."""
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    if "://" in path:
        path = "/" + path.split("://", 1)[1].partition("/")[2]

    def looks_like_key(part):
        letters, digits = re.search("[A-Za-z]", part), re.search("[0-9]", part)
        return len(part) >= 16 and letters and digits or len(part) >= 32 or ":" in part or "@" in part

    return text("/".join("…" if looks_like_key(part) else part for part in path.split("/")))


class Book:
    """What was attempted, counted."""

    def __init__(self):
        self.part, self.dropped, self.counts, self.unsaid = 0, 0, {}, set()

    def note(self, **attempt):
        key = json.dumps(attempt)
        if key not in self.counts and len(self.counts) >= ATTEMPTS:
            self.dropped += 1
            return
        self.counts[key] = self.counts.get(key, 0) + 1
        if self.counts[key] == 1:
            say(part=self.part, count=1, attempt=attempt)
        else:
            self.unsaid.add(key)

    def say_all(self):
        for key in self.unsaid:
            say(part=self.part, count=self.counts[key], attempt=json.loads(key))
        self.unsaid.clear()
        if self.dropped:
            say(part=self.part, dropped=self.dropped)

    def turn(self):
        self.say_all()
        self.part, self.dropped, self.counts = self.part + 1, 0, {}
        say(part=self.part)


class Names:
    """The outside names that were asked for, and their addresses."""

    def __init__(self):
        listed = subprocess.check_output(["ip", "-json", "-4", "address", "show", "scope", "global"])
        self.networks, self.order, self.by_address = {}, {}, {}
        for link in json.loads(listed):
            for address in link["addr_info"]:
                own = ipaddress.ip_interface(f"{address['local']}/{address['prefixlen']}")
                # An engine gives addresses from the beginning. A quarter of the end, at most 256.
                size = min(8, 30 - own.network.prefixlen)
                pool = None
                if size >= 2:
                    last = own.network.broadcast_address
                    pool = ipaddress.ip_network(f"{last}/{32 - size}", strict=False)
                    subprocess.check_call(["ip", "route", "add", "local", str(pool), "dev", "lo"])
                self.networks[own] = pool

    def address(self, name, asker):
        """The address of a name on the asker's network. Beyond the pool, names share the sink's own."""
        at = self.order.get(name, len(self.order))
        if at < NAMES:
            self.order[name] = at
        for own, pool in self.networks.items():
            if asker in own.network:
                if pool is None or at >= pool.num_addresses - 1:
                    return own.ip
                self.by_address[pool[at]] = name
                return pool[at]
        return None


def source_of(address):
    """The container that has an address, as the engine calls it."""
    try:
        return socket.gethostbyaddr(str(address))[0]
    except OSError:
        return str(address)


class Resolver(asyncio.DatagramProtocol):
    def __init__(self, names, book):
        self.names, self.book, self.is_asked = names, book, False

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, asker):
        asyncio.ensure_future(self.answer(data, asker))

    async def answer(self, data, asker):
        try:
            query = DNSRecord.parse(data)
            name = str(query.q.qname).rstrip(".").lower()
        except Exception:
            return
        reply, source = query.reply(), ipaddress.ip_address(asker[0])
        if source.is_loopback:
            self.is_asked |= name == CANARY
        # The engine knows the names within. One without a dot is of a service that is not there.
        address = None
        if "." in name and not name.endswith(".arpa"):
            address = self.names.address(name, source)
        if address is None:
            reply.header.rcode = RCODE.NXDOMAIN
        elif query.q.qtype in (QTYPE.A, QTYPE.ANY):
            reply.add_answer(RR(query.q.qname, QTYPE.A, rdata=A(str(address)), ttl=60))
        self.transport.sendto(reply.pack(), asker)
        if address is not None:
            loop = asyncio.get_running_loop()
            source = await loop.run_in_executor(None, source_of, source)
            self.book.note(protocol="dns", source=source, name=text(name))


class Mail(SMTP):
    """Takes any mail by anybody, and takes down who it is from and for."""

    def __init__(self, seen):
        super().__init__(
            None,
            hostname="sink",
            ident="sink",
            authenticator=lambda *_: AuthResult(success=True),
            auth_require_tls=False,
            timeout=OPEN_FOR_S,
        )
        self.seen, self.has_sent = seen, False
        self.event_handler = self

    async def smtp_DATA(self, arg):
        envelope = self.envelope
        if envelope and envelope.rcpt_tos:
            self.has_sent = True
            to = sorted(text(it) for it in envelope.rcpt_tos)
            more = {"more": len(to) - RECIPIENTS} if len(to) > RECIPIENTS else {}
            self.seen("smtp", sender=text(envelope.mail_from or ""), to=to[:RECIPIENTS], **more)
        await super().smtp_DATA(arg)

    async def handle_DATA(self, *_):
        return "250 discarded"

    def connection_lost(self, error):
        if not self.has_sent:
            self.has_sent = True
            self.seen("smtp")
        super().connection_lost(error)


class Caught(asyncio.Protocol):
    """A connection to an outside name, until it is known what it speaks."""

    open = 0

    def __init__(self, names, book):
        self.names, self.book, self.head, self.is_told = names, book, b"", False

    def connection_made(self, transport):
        self.transport, loop = transport, asyncio.get_running_loop()
        Caught.open += 1
        peer = transport.get_extra_info("socket")
        port, address = struct.unpack(
            "!2xH4s8x", peer.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
        )
        self.port, self.name = port, self.names.by_address.get(ipaddress.ip_address(address))
        address = transport.get_extra_info("peername")[0]
        self.source = loop.run_in_executor(None, source_of, address)
        if Caught.open > CONNECTIONS:
            self.tell("tcp")
            return transport.close()
        wait = GREET_AFTER_S if port in SMTP_PORTS else SILENT_FOR_S
        self.timer = loop.call_later(wait, self.silence)
        loop.call_later(2 * OPEN_FOR_S, transport.abort)

    def connection_lost(self, _):
        Caught.open -= 1
        if not self.is_told:
            self.tell("tcp")

    def tell(self, protocol, **what):
        self.is_told = True

        async def note():
            name = {"name": text(self.name)} if self.name else {}
            source = await self.source
            self.book.note(protocol=protocol, source=source, **name, port=self.port, **what)

        asyncio.ensure_future(note())

    def silence(self):
        if self.is_told or self.transport.is_closing():
            return
        if self.head or self.port not in SMTP_PORTS:
            self.tell("tcp")
            self.transport.close()
            return
        self.is_told = True
        mail = Mail(self.tell)
        lost = mail.connection_lost

        def both(error):
            Caught.open -= 1
            lost(error)

        mail.connection_lost = both
        self.transport.set_protocol(mail)
        mail.connection_made(self.transport)

    def data_received(self, data):
        if self.is_told:
            return
        self.head += data
        if self.head[0] == 0x16:
            self.tls(data)
        elif re.match(rb"[A-Z]{3,10} ", self.head):
            self.http()
        elif len(self.head) > 16:
            self.tell("tcp")
            self.transport.close()
        if len(self.head) > HEAD_BYTES and not self.is_told:
            self.tell("tcp")
            self.transport.close()

    def tls(self, data):
        """The library reads the hello, and is told to go no further."""
        if not hasattr(self, "hello"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

            def named(_, name, __):
                self.tell("tls", **({"sni": text(name)} if name else {}))
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

            context.sni_callback = named
            self.hello, self.alert = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.session = context.wrap_bio(self.hello, self.alert, server_side=True)
        self.hello.write(data)
        try:
            self.session.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError:
            pass
        if not self.is_told:
            self.tell("tls")
        self.transport.write(self.alert.read())
        self.transport.close()

    def http(self):
        peer = h11.Connection(h11.SERVER)
        peer.receive_data(self.head)
        try:
            request = peer.next_event()
        except h11.RemoteProtocolError:
            self.tell("tcp")
            return self.transport.close()
        if request is h11.NEED_DATA:
            return
        host = next((value for name, value in request.headers if name == b"host"), b"")
        host = re.sub(r":\d+$", "", text(host).rpartition("@")[2])
        method, target = text(request.method), request.target.decode("utf-8", "replace")
        # Asked as a proxy, it is told another host, and no path.
        path = {} if method == "CONNECT" else {"path": without_keys(target)}
        self.tell("http", method=method, **({"host": host} if host else {}), **path)
        self.transport.write(DISCARDED)
        # What is still on its way is read, or the answer would be lost.
        asyncio.get_running_loop().call_later(1, self.transport.close)


async def serve():
    names, book, loop = Names(), Book(), asyncio.get_running_loop()
    subprocess.run(["nft", "-f", "-"], input=RULES, text=True, check=True)
    _, resolver = await loop.create_datagram_endpoint(
        lambda: Resolver(names, book), local_addr=("0.0.0.0", 53)
    )
    await loop.create_server(lambda: Caught(names, book), "0.0.0.0", PORT)
    loop.add_signal_handler(signal.SIGUSR1, book.turn)
    loop.add_signal_handler(signal.SIGTERM, sys.exit)
    # It is asked what nobody within knows, and hears itself asked if the engine passes that on.
    asked = loop.run_in_executor(None, source_of_name, CANARY)
    await asyncio.wait([asked], timeout=10)
    say(ready=True, forwards=resolver.is_asked)
    while True:
        await asyncio.sleep(SAID_EVERY_S)
        book.say_all()


def source_of_name(name):
    try:
        socket.gethostbyname(name)
    except OSError:
        pass


asyncio.run(serve())
