#!/usr/bin/env python3
"""A receiver of webhooks that behaves as the path says, and writes a line of JSON for each request: its path, its headers,
whether it is genuine by the rules of examples/webhook_receiver.py, and its body.

    receiver.py FOLDER [CERTIFICATE]     FOLDER/secret holds the secret, FOLDER/answer the status that /as-told gives
                                         what comes to /held/NAME is answered as soon as there is FOLDER/free.NAME"""
import importlib.util
import http.server
import json
import pathlib
import ssl
import sys
import threading
import time

here = pathlib.Path(__file__).resolve()
spec = importlib.util.spec_from_file_location("example", here.parents[2] / "examples" / "webhook_receiver.py")
example = importlib.util.module_from_spec(spec)
spec.loader.exec_module(example)

folder = pathlib.Path(sys.argv[1])
writing = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def note(self, body):
        secret = (folder / "secret").read_text()
        line = {"path": self.path, "id": self.headers["webhook-id"], "timestamp": self.headers["webhook-timestamp"],
                "signature": self.headers["webhook-signature"], "type": self.headers["content-type"],
                "genuine": example.is_genuine(secret, self.headers, body), "at": time.time(), "body": json.loads(body)}
        with writing:
            print(json.dumps(line), flush=True)

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.note(self.rfile.read(int(self.headers["Content-Length"])))
        way = self.path.strip("/").split("/")[0]
        if way == "hang":
            time.sleep(600)
        elif way == "held":
            while not (folder / ("free." + self.path.split("/")[-1])).exists():
                time.sleep(0.02)
            self.answer(200)
        elif way == "redirect":
            self.answer(307, [("Location", "/elsewhere")])
        elif way == "gone":
            self.answer(410)
        elif way == "garbage":
            self.wfile.write(b"\x00\xff this is no answer\r\n\r\n")
            self.close_connection = True
        elif way == "rude":
            self.answer(500, body=b"\xff\x00<b>no</b>" + b"x" * 5000)
        elif way == "later":
            self.answer(503, [("Retry-After", "2")])
        elif way == "as-told":
            status = int((folder / "answer").read_text())
            self.answer(status, body=b"" if status == 204 else b"as told")
        else:
            self.answer(200)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
(folder / "port.new").write_text(str(server.server_port))
(folder / "port.new").rename(folder / "port")
server.serve_forever()
