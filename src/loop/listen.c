/* Listening, and accepting on several loops from one socket. Each turn of a loop accepts one connection, so
   that loops which share the socket share the connections, and a busy loop gets fewer. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "loop/private.h"
#include "loop/stream_private.h"

enum { BACKLOG = 1024 };

struct orr_acceptor {
  uv_poll_t uv;
  struct orr_loop *loop;
  void (*accepted)(void *data, struct orr_stream *stream);
  void *data;
  int fd;
  int spare; /* given up for a moment when descriptors run out, to turn a connection away */
};

/* Accepted sockets inherit these: answers leave at once, and a peer that vanished without a word is found out
   within two minutes even while nothing is written. */
static void set_options(int fd) {
  const int yes = 1, quiet_s = 60, between_s = 15, probes = 4;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &quiet_s, sizeof quiet_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_s, sizeof between_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static int bound_port(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                             : ((struct sockaddr_in *)&address)->sin_port);
}

static int listen_failed(const char *host, int port, int number, struct orr_err *err) {
  if (number == EADDRINUSE)
    return orr_fail(err, ORR_BUSY,
                    "port %d of %s is taken: another server listens there; stop it or choose another port",
                    port, host);
  if (number == EACCES)
    return orr_fail(err, ORR_IO,
                    "cannot listen on port %d of %s: ports below 1024 need privileges; choose another port",
                    port, host);
  return orr_fail(err, ORR_IO, "cannot listen on port %d of %s: %s", port, host, strerror(number));
}

int orr_listen(const char *host, int port, int *out_fd, int *out_port, struct orr_err *err) {
  char service[16];
  snprintf(service, sizeof service, "%d", port);
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
  int code = getaddrinfo(host, service, &hints, &found);
  if (code != 0) return orr_fail(err, ORR_INVALID, "cannot listen on %s: %s", host, gai_strerror(code));
  int fd = -1, number = 0;
  for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
    fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    if (fd >= 0) set_options(fd);
    if (fd >= 0 && bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) break;
    number = errno;
    if (fd >= 0) close(fd);
    fd = -1;
  }
  freeaddrinfo(found);
  if (fd < 0) return listen_failed(host, port, number, err);
  *out_fd = fd;
  *out_port = bound_port(fd);
  return 0;
}

static int open_spare(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

/* Without a descriptor to accept with, the connection would wait at the door and wake the loop for ever. */
static void turn_away(struct orr_acceptor *acceptor) {
  if (acceptor->spare >= 0) close(acceptor->spare);
  int fd = accept4(acceptor->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) close(fd);
  acceptor->spare = open_spare();
}

static void somebody_knocks(uv_poll_t *uv, int status, int happened) {
  (void)status;
  (void)happened;
  struct orr_acceptor *acceptor = uv->data;
  int fd = accept4(acceptor->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE) turn_away(acceptor);
    return; /* else another loop was faster, or the peer has gone again */
  }
  struct orr_stream *stream = orr_stream_open(acceptor->loop, fd);
  if (stream) acceptor->accepted(acceptor->data, stream);
}

static void has_closed(uv_handle_t *handle) {
  struct orr_acceptor *acceptor = handle->data;
  close(acceptor->fd);
  if (acceptor->spare >= 0) close(acceptor->spare);
  free(acceptor);
}

struct orr_acceptor *orr_acceptor_start(struct orr_loop *loop, int fd,
                                        void (*accepted)(void *data, struct orr_stream *stream), void *data,
                                        struct orr_err *err) {
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) {
    orr_fail(err, ORR_IO, "cannot share the listening socket: %s", strerror(errno));
    return NULL;
  }
  struct orr_acceptor *acceptor = orr_alloc(sizeof *acceptor);
  *acceptor = (struct orr_acceptor){
      .loop = loop, .accepted = accepted, .data = data, .fd = own, .spare = open_spare()};
  int code = uv_poll_init(orr_loop_uv(loop), &acceptor->uv, own);
  acceptor->uv.data = acceptor;
  if (code == 0) {
    uv_poll_start(&acceptor->uv, UV_READABLE, somebody_knocks);
    return acceptor;
  }
  orr_loop_fail(err, code, "cannot accept connections");
  close(own);
  if (acceptor->spare >= 0) close(acceptor->spare);
  free(acceptor);
  return NULL;
}

void orr_acceptor_stop(struct orr_acceptor *acceptor) {
  if (acceptor) uv_close((uv_handle_t *)&acceptor->uv, has_closed);
}
