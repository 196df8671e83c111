#!/usr/bin/env python3
"""Receives Orrery's webhooks: checks who sent them, takes each event once, and prints it as a line of JSON.

    examples/webhook_receiver.py --secret whsec_... --port 8000

The signature is that of Standard Webhooks. It needs nothing beyond Python's own library."""
import argparse
import base64
import collections
import hashlib
import hmac
import http.server
import json
import sys
import time

TOLERANCE_S = 300  # a request that somebody has recorded is worth nothing after this
REMEMBERED = 10000


def is_genuine(secret, headers, body, now=None):
    """Whether a request was signed with the secret, not long ago."""
    identifier = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs((now or time.time()) - int(timestamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{identifier}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    # There are several while a secret is being changed; one that fits is enough.
    signatures = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest("v1," + expected, each) for each in signatures)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the connection is kept for the next delivery
    seen = collections.OrderedDict()  # ids: a delivery comes at least once, and may come again

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not is_genuine(self.server.secret, self.headers, body):
            return self.answer(401)
        identifier = self.headers["webhook-id"]
        if identifier not in self.seen:
            print(json.dumps(json.loads(body)), flush=True)
            self.seen[identifier] = True
            if len(self.seen) > REMEMBERED:
                self.seen.popitem(last=False)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass  # events are all that is printed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--secret", required=True, help="what `orrery webhook add` has shown")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    server = http.server.ThreadingHTTPServer((options.host, options.port), Handler)
    server.secret = options.secret
    print(f"listening on http://{options.host}:{server.server_port}/", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
