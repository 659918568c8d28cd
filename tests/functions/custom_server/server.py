"""A server whose requests say what it is to do. How it starts is said in its environment."""

import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STATUS = {
    path: os.environ.get(f"STATUS_{path[1:].replace('-', '_').upper()}")
    for path in ("/initialize", "/pre-freeze", "/pre-stop")
}
together = threading.Barrier(int(os.environ.get("TOGETHER", "1")))
asked = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, body=b"", status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        asked.append(f"{self.command} {self.path}")
        say(f"{self.command} {self.path}")
        if self.path in STATUS and self.headers.get("x-fc-control-path") == self.path:
            self.hook()
        else:
            self.obey(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do

    def hook(self):
        wanted = STATUS[self.path] or "200"
        if wanted == "hang":
            time.sleep(600)
        if wanted == "exit":
            os._exit(3)
        first, _, rest = wanted.partition(",")
        if rest:
            STATUS[self.path] = rest
        self.answer(f"{self.path} says {first}".encode() if first != "200" else b"", int(first))

    def obey(self, body):
        word, _, rest = body.decode("latin-1").partition(" ")
        if word == "seen":
            seen = [[name, value] for name, value in self.headers.items()]
            self.answer(json.dumps([self.command, self.path, seen, rest]).encode())
        elif word == "environment":
            self.answer(json.dumps([dict(os.environ), os.getcwd(), sys.argv]).encode())
        elif word == "asked":
            self.answer(json.dumps(asked).encode())
        elif word == "status":
            status, _, value = rest.partition(" ")
            more = {"x_fc_status": value} if value else {}
            self.answer(b"told", int(status), X_Mine="1", **more)
        elif word == "together":
            together.wait(20)
            self.answer(b"together")
        elif word == "sleep":
            say(f"asleep {rest}")
            time.sleep(600)
        elif word == "exit":
            os._exit(int(rest))
        elif word == "answer-and-exit":
            self.answer(b"last words")
            os._exit(0)
        elif word == "hang-up":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif word == "garbage":
            self.wfile.write(b"not http at all\r\n\r\n")
            self.close_connection = True
        elif word == "big":
            self.answer(b"x" * int(rest))
        elif word == "greedy":
            self.server.kept = b"x" * (int(rest) * 1024 * 1024)
            time.sleep(600)
        else:
            self.answer(body)


def say(text):
    print(text, flush=True)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100


if os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
address = os.environ.get("ADDRESS", "0.0.0.0")
port = int(os.environ.get("FIXED_PORT") or os.environ["FC_SERVER_PORT"])
say("starting")
server = Server((address, port), Handler)
server.serve_forever()
