/* The HTTP/1.1 server of one loop: it turns streams into requests and answers into bytes. It knows nothing of
   what the requests mean. One request of a connection is handled at a time; pipelined ones wait their turn in
   the stream.

   Life of a request: `arrived` is called with the whole request, body included, or, where the receiver says that
   it takes the body as it comes, with its head; then orr_request_read brings the body. The receiver answers, now or
   later, by orr_respond (whole) or orr_respond_begin / _write / _end (streamed). Until then the request, its
   arena and every slice in it stay valid, even when the client goes away: then `aborted` is called once,
   writes do nothing, and the answer must still be ended, which frees the request.

   A client that closes looks at first like one that has only finished sending and waits for its answer: both
   send the same byte on the wire. So the end of its bytes is `half_closed`, not `aborted`, and the answer is
   sent all the same; a reset, or a write that fails, is `aborted`. A client that has pipelined more than 64
   KiB behind the request being answered is not listened to until then; neither is heard of. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "loop/stream.h"

struct orr_slice {
  const char *text;
  size_t size;
};

struct orr_header {
  struct orr_slice name, value; /* name in lower case; value without outer white space */
};

enum orr_method {
  ORR_GET,
  ORR_HEAD,
  ORR_POST,
  ORR_PUT,
  ORR_PATCH,
  ORR_DELETE,
  ORR_OPTIONS,
  ORR_METHOD_OTHER /* a method that HTTP knows and we do not (CONNECT is one): answered 501 by the receiver */
};

struct orr_http;
struct orr_connection;
struct orr_keeper;

/* Why a body that is read as it comes cannot be read to its end: the answer that it asks for. */
struct orr_fault {
  int status;       /* 400, 408, 413; 0: there is none */
  const char *kind; /* as of `refused` */
  const char *detail;
};

struct orr_request {
  enum orr_method method;
  struct orr_slice target; /* as sent */
  struct orr_slice path;   /* before '?', still percent-encoded */
  struct orr_slice query;  /* after '?', or empty */
  struct orr_header *headers;
  size_t header_count;
  struct orr_slice body; /* empty where it is read as it comes */
  struct orr_fault fault;
  char id[17]; /* the request id, 16 hex digits: in the log and in X-Request-Id */
  struct orr_arena *arena;
  struct orr_connection *connection;
  void *user;       /* the receiver's, or the keeper's */
  const struct orr_keeper *keeper;
  int64_t began_ns; /* orr_clock_ns() when it was handed over */
  bool half_closed; /* the client has finished sending, and has perhaps gone */
  bool aborted;     /* the client has gone */
};

struct orr_http_limits {
  size_t header_bytes; /* request line and headers: 431 beyond (414 when the target alone is longer) */
  size_t body_bytes;   /* 413 beyond, already from Content-Length */
  int64_t upload_bytes; /* the same of a body that is read as it comes */
  size_t connections;  /* more, beside those with a keeper, are answered 503 and closed */
  int header_ms;       /* from the first byte of a request (or from accept) to the end of its headers: 408 */
  int body_ms;         /* for each 16 KiB of a body, or what is left of it, while it is waited for: 408 */
  int idle_ms;         /* between requests: closed */
  int write_ms;        /* for each 16 KiB of an answer, or what is left of it, to be taken: closed */
};
extern const struct orr_http_limits
    orr_http_default_limits; /* 32 KiB, 16 MiB, 1 TiB, 10000, 10 s, 30 s, 75 s, 30 s */

struct orr_http_events {
  /* Of a request whose head alone has come: whether it takes its body as that comes. NULL: none does. */
  bool (*streams)(void *data, const struct orr_request *request);
  void (*arrived)(void *data, struct orr_request *request);
  void (*aborted)(void *data, struct orr_request *request); /* may be NULL */
  /* The client has finished sending and has perhaps gone: a long poll does well to answer now. May be NULL.
   */
  void (*half_closed)(void *data, struct orr_request *request);
  void (*proceed)(void *data, struct orr_request *request); /* a streamed answer may go on; may be NULL */
  void (*readable)(void *data, struct orr_request *request); /* orr_request_read has news; NULL where nothing streams */
  /* An answer that http/ itself makes to something that is no request (400, 408, 413, 414, 417, 431, 501,
     503, 505): the receiver writes headers and body, so that errors look alike everywhere. `kind` is a stable
     word
     ("bad-request", "timeout", "body-too-large", …), `detail` a sentence. The connection is closed behind it.
   */
  void (*refused)(void *data, int status, const char *kind, const char *detail, const char *id,
                  struct orr_buf *headers, struct orr_buf *body);
  void (*finished)(void *data, struct orr_request *request, int status,
                   uint64_t bytes); /* for the access log */
};

/* `listen_fd` (from orr_listen) stays the caller's; events and log are kept by reference. */
struct orr_http *orr_http_create(struct orr_loop *loop, int listen_fd, const struct orr_http_limits *limits,
                                 const struct orr_http_events *events, void *data, const struct orr_log *log,
                                 struct orr_err *err);
/* Graceful end: accepts nothing more, closes idle connections, answers what is being asked with Connection:
   close, and calls `drained(data)` when the last connection is gone (at once, when there is none). */
void orr_http_drain(struct orr_http *http, void (*drained)(void *data));
void orr_http_close_all(struct orr_http *http); /* after a drain took too long */
void orr_http_destroy(struct orr_http *http);   /* after drained; NULL is legal */
size_t orr_http_connections(const struct orr_http *http);

/* The header's value (first one), or a slice with text NULL. `name` in lower case. */
struct orr_slice orr_request_header(const struct orr_request *request, const char *name);

/* The body of a request that takes it as it comes. The client is held back while nobody reads, and one that asks
   whether to send at all (Expect: 100-continue) is told to by the first read. An answer may be given without reading
   to the end; the connection is closed behind it then. */
enum orr_reading {
  ORR_READ_PIECE, /* valid until the next read */
  ORR_READ_LATER, /* nothing has come yet: `readable` will be called once, or `aborted` */
  ORR_READ_END,
  ORR_READ_BROKEN, /* request->fault says how, or the client has gone */
};
enum orr_reading orr_request_read(struct orr_request *request, struct orr_slice *piece);

/* Whole answer. `headers` are complete lines ("Content-Type: application/json\r\n"…), may be NULL. Date,
   Content-Length, Connection and X-Request-Id are added. HEAD sends no body but its length. Frees the
   request. */
void orr_respond(struct orr_request *request, int status, const char *headers, size_t headers_size,
                 const void *body, size_t body_size);

/* Streamed answer: `length` is the body's size, or -1 for chunked. write returns false when the client is
   slow: wait for `proceed` before writing more (what was given is queued all the same). end frees the
   request; with fewer bytes than promised, or `cut` true, the connection is broken off so that the client
   notices. */
void orr_respond_begin(struct orr_request *request, int status, const char *headers, size_t headers_size,
                       int64_t length);
bool orr_respond_write(struct orr_request *request, const void *bytes, size_t size);
void orr_respond_end(struct orr_request *request, bool cut);

/* Whoever takes an answer that was begun over from the receiver, to go on with it for as long as the client listens: it is
   told in the receiver's place, and ends it. */
struct orr_keeper {
  void (*proceed)(struct orr_request *request);
  void (*left)(struct orr_request *request); /* the client has gone, or will send no more */
};
/* Of the request its path stays, and nothing else. */
void orr_request_keep(struct orr_request *request, const struct orr_keeper *keeper, void *user);
size_t orr_respond_queued(const struct orr_request *request); /* bytes that the kernel would not take yet */
void orr_respond_await(struct orr_request *request);          /* asks for `proceed` when it has taken those */
/* Breaks the connection under an answer, whatever the client has yet to take of it: the request is aborted. */
void orr_respond_drop(struct orr_request *request);
