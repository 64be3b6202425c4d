"""A WebSocket client (RFC 6455) with nothing but Python's standard library: text messages, pings, closing."""

import base64
import hashlib
import os
import socket
import struct
from urllib.parse import urlsplit

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10

# onefold pings a silent connection every two minutes: one that is silent for longer is dead.
SILENCE_SECONDS = 150

# Connecting again would only fail again: 4400 not understood, 4401 credentials, 4403 not allowed.
FINAL_CODES = (4400, 4401, 4403)


class Closed(ConnectionError):
    def __init__(self, code, reason):
        super().__init__(f"closed with {code} {reason}")
        self.is_final = code in FINAL_CODES


class WebSocket:
    def __init__(self, url):
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port or 80), timeout=SILENCE_SECONDS)
        self._stream = self._socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = b""
        while (line := self._stream.readline()) not in (b"\r\n", b""):
            head += line
        answer = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        if b" 101 " not in head or base64.b64encode(answer) not in head:
            raise ConnectionError(f"{parts.netloc} does not answer as a WebSocket")

    def send(self, text):
        self._send_frame(TEXT, text.encode())

    def receive(self):
        """The next text message. Raises Closed, or another OSError when the connection breaks."""
        while True:
            first, second = self._read(2)
            length = second & 127
            if length == 126:
                (length,) = struct.unpack("!H", self._read(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._read(8))
            opcode, payload = first & 15, self._read(length)
            if opcode == TEXT:
                return payload.decode()
            if opcode == PING:
                self._send_frame(PONG, payload)
            if opcode == CLOSE:
                raise Closed(int.from_bytes(payload[:2], "big"), payload[2:].decode())

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
