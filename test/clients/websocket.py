"""Written from docs/websocket.md: python3 websocket.py HOST PORT TOPIC SUBSCRIPTION"""

import base64
import hashlib
import json
import os
import socket
import struct
import sys

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Connection:
    """One connection that speaks sealpost.v1.json (RFC 6455)."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), timeout=50)
        self.stream = self.socket.makefile("rb")
        self.deliveries, self.last_id = [], 0
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            f"GET /v1/websocket HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Protocol: sealpost.v1.json\r\n\r\n").encode())
        status = self.stream.readline().split()[1]
        lines = iter(lambda: self.stream.readline().decode().strip(), "")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1((key + guid).encode()).digest()).decode()
        assert status == b"101" and headers["sec-websocket-accept"] == accept, (status, headers)
        assert headers["sec-websocket-protocol"] == "sealpost.v1.json", headers

    def send(self, opcode, payload):
        """One unfragmented message; a client masks every byte (RFC 6455, 5.3)."""
        size, mask = len(payload), os.urandom(4)
        length = bytes([0x80 | size]) if size < 126 else (
            struct.pack("!BH", 0x80 | 126, size) if size < 65536 else
            struct.pack("!BQ", 0x80 | 127, size))
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self.socket.sendall(bytes([0x80 | opcode]) + length + mask + masked)

    def receive(self):
        """The next message, its fragments joined; the server's pings are answered on the way."""
        message, opcode = b"", None
        while True:
            head, size = self.stream.read(2)
            size = size & 127
            if size > 125:
                size = int.from_bytes(self.stream.read(2 if size == 126 else 8), "big")
            payload, kind = self.stream.read(size), head & 15
            if kind == PING:
                self.send(PONG, payload)
            elif kind in (CLOSE, PONG):
                return kind, payload
            else:
                message, opcode = message + payload, kind or opcode
                if head & 0x80:
                    return opcode, message

    def frame(self):
        opcode, message = self.receive()
        assert opcode == TEXT, (opcode, message)
        return json.loads(message)

    def request(self, **frame):
        """Sends a frame and waits for its answer; deliveries that come first are kept."""
        self.last_id += 1
        self.send(TEXT, json.dumps({"id": self.last_id, **frame}).encode())
        while True:
            answer = self.frame()
            if "deliver" in answer:
                self.deliveries.append(answer["deliver"])
            elif answer["id"] == self.last_id:
                return self.last_id, answer


host, port, topic, subscription = sys.argv[1:]
client = Connection(host, int(port))
client.send(TEXT, b'{"hello":{}}')
print("welcome, resumed:", client.frame()["welcome"]["resumed"])
messages = [{"data": base64.b64encode(text).decode()} for text in (b"a" * 70000, b"b", b"c")]
_, answer = client.request(publish={"topic": topic, "messages": messages})
print("published:", len(answer["published"]["messageIds"]))
stream, answer = client.request(subscribe={"subscription": subscription})
print("subscribed:", answer["subscribed"]["subscription"])
received = []
while len(received) < 3:
    batch = client.deliveries.pop(0) if client.deliveries else client.frame()["deliver"]
    received += batch["receivedMessages"]
print("received:", *sorted(len(base64.b64decode(each["message"]["data"])) for each in received))
ack_ids = [each["ackId"] for each in received]
print("settled:", client.request(acknowledge={"stream": stream, "ackIds": ack_ids})[1]["settled"])
print("error:", client.request(publish={"topic": topic})[1]["error"]["message"])
print("pong:", client.request(ping={})[1]["pong"])
client.send(PING, b"there?")
print("protocol pong:", client.receive()[1].decode())
client.send(CLOSE, struct.pack("!H", 1000))
print("closed:", *struct.unpack("!H", client.receive()[1][:2]))
