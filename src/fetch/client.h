/* A blocking HTTP client, for the command line: one request at a time over connections that are kept. While
   it waits it can be woken through a descriptor, and it looks in on its caller now and then, so that a long
   poll neither holds up Ctrl-C nor freezes a display. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct orr_client;

struct orr_client *orr_client_create(void);
void orr_client_destroy(struct orr_client *client); /* NULL is legal */

struct orr_client_request {
  const char *method, *url;
  const char *const *headers; /* "Name: value", ended by NULL; NULL: none */
  const char *body;           /* NULL: none */
  int64_t body_size;
  int64_t timeout_ms; /* for the whole exchange; 0: none */
  int wake;           /* a descriptor: once it can be read, the exchange is broken off; -1: none */
  int64_t tick_ms;    /* how often `tick` is called; 0: never */
  /* Both return false to break the exchange off. */
  bool (*tick)(void *data);
  /* Takes the body of a successful answer piece by piece; NULL: it is gathered in the response. */
  bool (*sink)(void *data, int status, const char *bytes, size_t size);
  /* Brings the body piece by piece instead, from an offset (that of the piece before and its size, or 0 again) → bytes; 0: that
     was all; -1: breaks the exchange off. `body_size` is then its size; -1: nobody knows. */
  int64_t (*source)(void *data, int64_t offset, char *into, size_t room);
  void *data;
};

struct orr_client_response {
  int status;          /* 0: broken off by `wake`, `tick` or `sink` */
  struct orr_buf head; /* the header lines, each ended by CR LF */
  struct orr_buf body;
};

/* The response must be zero, or one that was filled before; the caller frees it. A failure has the code
   ORR_INVALID (the URL), ORR_UNAVAILABLE (no connection, or one that broke), ORR_TIMEOUT or ORR_TOO_LARGE. */
int orr_client_send(struct orr_client *client, const struct orr_client_request *request,
                    struct orr_client_response *response, struct orr_err *err);
void orr_client_response_free(struct orr_client_response *response);
