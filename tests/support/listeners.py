"""Many clients of a stream of events at once, in one process: opens COUNT of them, tells when all are open, and then how each
line of its standard input went: a MARK that is to reach every client.

usage: listeners.py HOST PORT PATH COUNT     the header lines to send in $LISTENERS_HEADERS, separated by newlines
prints  open COUNT SECONDS
        MARK COUNT SECONDS        how many got the text MARK, and how long after the line was read the last of them did
        cut COUNT                 at the end: how many connections the server had ended

Standard library only; it says so and ends with 77 when this machine allows too few descriptors."""
import os
import resource
import select
import socket
import sys
import time

host, port, path, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
headers = os.environ.get("LISTENERS_HEADERS", "").replace("\n", "\r\n").strip()
request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n{headers}\r\n\r\n".encode()

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if hard != resource.RLIM_INFINITY and hard < count + 64:
    print(f"this machine allows {hard} descriptors, and {count + 64} are needed", file=sys.stderr)
    sys.exit(77)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 64), hard))

poll = select.epoll()
clients = {}     # by descriptor: the socket
tails = {}       # the end of what it has received, where a mark may yet be completed
ended = 0
AT_ONCE = 200    # connections being opened
LONGEST_MARK = 200


def receive(descriptor):
    """What came, with what the last piece ended with; None when the server has ended the connection."""
    try:
        piece = clients[descriptor].recv(65536)
    except BlockingIOError:
        return b""
    except OSError:
        piece = b""
    if not piece:
        return None
    text = tails.get(descriptor, b"") + piece
    tails[descriptor] = text[-LONGEST_MARK:]
    return text


def wait_for(mark, waiting, give_up):
    """Receives until the mark has reached all who wait for it, or their connections have ended: how many it has reached."""
    global ended
    reached = 0
    while waiting and time.monotonic() < give_up:
        for descriptor, _ in poll.poll(0.2):
            text = receive(descriptor)
            if text is None:
                poll.unregister(descriptor)
                clients.pop(descriptor).close()
                waiting.discard(descriptor)
                ended += 1
            elif mark in text and descriptor in waiting:
                waiting.discard(descriptor)
                reached += 1
    return reached


def open_all():
    while len(clients) + ended < count:
        opening = set()
        for _ in range(min(AT_ONCE, count - len(clients) - ended)):
            client = socket.create_connection((host, port))
            client.setblocking(False)
            client.send(request)
            clients[client.fileno()] = client
            poll.register(client.fileno(), select.EPOLLIN)
            opening.add(client.fileno())
        assert wait_for(b"retry: ", set(opening), time.monotonic() + 60) == len(opening), "a stream was not opened"


began = time.monotonic()
open_all()
print("open", len(clients), round(time.monotonic() - began, 3), flush=True)
for line in sys.stdin:
    mark, began = line.strip(), time.monotonic()
    print(mark, wait_for(mark.encode(), set(clients), began + 60), round(time.monotonic() - began, 4), flush=True)
print("cut", ended, flush=True)
