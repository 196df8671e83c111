/* HTTP requests made on a loop, for users who name where they go (webhooks): many at once, none of which holds up the loop,
   the resolution of names included. They go where the networks allow and nowhere else, whatever a name resolves to at the
   moment of connecting. Redirects are not followed, no proxy is asked, certificates are verified, and of an answer no
   more is read than was asked for. Everything here belongs to the loop's thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "loop/loop.h"

struct orr_fetch;

/* `allow`: networks beside the public ones (fetch/networks.h); `ca_file`: PEM, trusted instead of the system's
   authorities. Either may be NULL. */
struct orr_fetch *orr_fetch_create(struct orr_loop *loop, const char *allow, const char *ca_file,
                                   struct orr_err *err);
/* What is under way is told that it is broken off. Before its loop; NULL is legal. */
void orr_fetch_destroy(struct orr_fetch *fetch);

struct orr_fetch_request {
  const char *method, *url;
  const char *const *headers; /* "Name: value", ended by NULL; NULL: none */
  const char *body;           /* NULL: none */
  size_t body_size;
  int64_t timeout_ms; /* for the whole exchange, from the name's resolution to the answer's last byte */
  size_t most_body;   /* the answer's body is read up to here; more of it is not waited for */
};

struct orr_fetch_answer {
  int status;
  struct orr_buf head; /* the header lines, each ended by CR LF */
  struct orr_buf body;
};

/* Copies what it is given, and calls `done` once, later: `answer` is NULL when there was none, and err says why:
   ORR_INVALID (the URL, or where it leads), ORR_UNAVAILABLE, ORR_TIMEOUT, ORR_TOO_LARGE (its headers). */
void orr_fetch_send(struct orr_fetch *fetch, const struct orr_fetch_request *request,
                    void (*done)(void *data, struct orr_fetch_answer *answer, const struct orr_err *err),
                    void *data);

/* What a URL is that may be asked for: http or https, a host, no user, and, as far as can be told without asking for a
   name, nothing that `allow` closes. Appends it as it is asked for, without its fragment, to `out`. */
int orr_fetch_url(const char *text, const char *allow, struct orr_buf *out, struct orr_err *err);
