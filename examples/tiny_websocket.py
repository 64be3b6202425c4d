"""A WebSocket client (RFC 6455) with nothing but Python's standard library: text messages, pings, closing, TLS.

The token in ONEFOLD_TOKEN, where there is one, is brought to the node in a header. A CA of your own that signed the
node's certificate is named by SSL_CERT_FILE.
"""

import base64
import hashlib
import json
import os
import re
import socket
import ssl
import struct
from urllib.parse import urlsplit

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

# onefold pings a silent connection every two minutes: one that is silent for longer is dead.
SILENCE_SECONDS = 150

# Connecting again would only fail again: 4400 not understood, 4401 credentials, 4403 not allowed.
FINAL_CODES = range(4400, 4404)


# What a header can carry of a token.
TOKEN_FORM = re.compile(r"[!-~]+")


class Refused(Exception):
    """Connecting again would only fail again; the message is a sentence."""


class Closed(ConnectionError):
    """Worth another try, as any other OSError."""


def shown(url):
    """The address without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class WebSocket:
    def __init__(self, url):
        parts = urlsplit(url)
        authority = parts.netloc.rpartition("@")[2]
        self._socket = _connect(parts)
        self._detail = None
        self._stream = self._socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{_authorization()}\r\n".encode()
        )
        head = b""
        while (line := self._stream.readline()) not in (b"\r\n", b""):
            head += line
        answer = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        if b" 101 " not in head or base64.b64encode(answer) not in head:
            raise ConnectionError(f"{authority} does not answer as a WebSocket")

    def send(self, text):
        self._send_frame(TEXT, text.encode())

    def receive(self):
        """The next message. Raises Refused, or an OSError where it is worth while to connect again."""
        while True:
            first, second = self._read(2)
            length = second & 127
            if length == 126:
                (length,) = struct.unpack("!H", self._read(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._read(8))
            opcode, payload = first & 15, self._read(length)
            if opcode == TEXT:
                frame = json.loads(payload)
                if frame["type"] != "error" or "frame" in frame:
                    return frame
                self._detail = frame["detail"]  # Of the connection itself; the node closes it.
            if opcode == PING:
                self._send_frame(PONG, payload)
            if opcode == CLOSE:
                raise self._closed(int.from_bytes(payload[:2], "big"), payload[2:].decode())

    def _closed(self, code, reason):
        detail = self._detail or reason
        if code not in FINAL_CODES:
            return Closed(f"closed with {code} {detail}".strip())
        hint = " ONEFOLD_TOKEN must hold a token that it takes." if code == 4401 else ""
        return Refused(f"The node refused the connection ({code}): {detail}{hint}")

    def _send_frame(self, opcode, payload):
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 128 | opcode, 128 | length)
        elif length < 65536:
            head = struct.pack("!BBH", 128 | opcode, 128 | 126, length)
        else:
            head = struct.pack("!BBQ", 128 | opcode, 128 | 127, length)
        mask = os.urandom(4)  # What a client sends is masked, so that no proxy takes it for HTTP.
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self._socket.sendall(head + mask + masked)

    def _read(self, length):
        data = self._stream.read(length)
        if len(data) < length:
            raise ConnectionError("the connection has ended")
        return data

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.close()
        self._socket.close()


def _connect(parts):
    if parts.scheme not in ("ws", "wss"):
        raise Refused("Expected the address of the node to begin with ws:// or wss://.")
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    connection = socket.create_connection((parts.hostname, port), timeout=SILENCE_SECONDS)
    if parts.scheme == "ws":
        return connection
    try:
        return ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname)
    except ssl.SSLCertVerificationError as error:
        raise Refused(
            f"The certificate of {shown(parts.geturl())} is not trusted ({error.verify_message}): "
            "SSL_CERT_FILE may name the CA that signed it."
        ) from None


def _authorization():
    token = os.environ.get("ONEFOLD_TOKEN", "").strip()
    if token == "":
        return ""
    if TOKEN_FORM.fullmatch(token) is None:
        raise Refused("Expected ONEFOLD_TOKEN to hold one token and nothing else.")
    return f"Authorization: Bearer {token}\r\n"
