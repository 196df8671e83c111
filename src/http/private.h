/* What the files of this room share: the server of a loop, a connection of it, and what each file does for
   the others. Nobody outside includes it, except the fuzzer, which plays the wire. */
#pragma once
#include <llhttp.h>

#include "http/http.h"
#include "http/wire.h"

enum {
  ORR_HEADERS = 100,           /* lines of headers in a request: 431 beyond */
  ORR_PIECE = 16 * 1024,       /* what a body or an answer must move on by for its clock to start again */
  ORR_OUT_ROOM = 64 * 1024,    /* bodies up to this size are copied behind their heads, larger ones are not */
  ORR_HIGH_WATER = 256 * 1024, /* bytes on the way to a client beyond which it is called slow */
  ORR_REST_ROOM = 64 * 1024,   /* pipelined bytes beyond which a client is not listened to */
  ORR_AHEAD = 256 * 1024,      /* of a body that is read as it comes, beyond which the client is held back */
  ORR_KEPT_ROOM = 16 * 1024,   /* larger buffers are given back between requests */
  ORR_LINGER_MS = 2000,        /* a closing connection waits so long for the client to read … */
  ORR_LINGER_BYTES = 4 * 1024 * 1024, /* … and throws away so much of what it still sends */
  ORR_DATE_LINE = 37,
};

struct orr_http {
  struct orr_loop *loop;
  struct orr_acceptor *acceptor;
  struct orr_timer *sweeper;
  struct orr_http_limits limits;
  const struct orr_http_events *events;
  void *data;
  const struct orr_log *log;
  struct orr_connection *first; /* all of them */
  size_t count, kept;           /* of them, and of those with a keeper */
  struct orr_buf out;           /* where answers are built; out.c */
  char date[ORR_DATE_LINE + 1]; /* the header line, made anew at each sweep */
  uint64_t id_start, id_count;  /* request ids */
  bool draining;
  void (*drained)(void *data);
};

enum orr_phase {
  ORR_PHASE_HEAD, /* between requests, or in the lines of one */
  ORR_PHASE_BODY,
  ORR_PHASE_WHOLE,  /* read, and about to be handed over */
  ORR_PHASE_ANSWER, /* the receiver has it; a body that it reads as it comes may still be on the way */
  ORR_PHASE_LINGER, /* all is said; waiting for the client to have heard it */
};

enum orr_framing { ORR_FRAMING_LENGTH, ORR_FRAMING_CHUNKED, ORR_FRAMING_UNTIL_CLOSE };

struct orr_answer {
  int status;
  bool begun;
  bool bodyless; /* HEAD, 204, 304: the body is not sent */
  bool waiting;  /* the receiver was told to wait for `proceed` */
  bool cut;      /* it broke off */
  enum orr_framing framing;
  uint64_t left;  /* of the promised length */
  uint64_t bytes; /* of the body, so far */
};

struct orr_connection {
  struct orr_http *http;
  struct orr_connection *previous, *next;
  const struct orr_wire_ops *wire;
  void *carrier;
  enum orr_phase phase;
  bool begun;       /* a first byte of the request has come */
  bool keep;        /* the connection outlives the answer */
  bool eating;      /* inside eat(): whoever ends an answer leaves the going on to it */
  bool paused;      /* the wire is */
  bool half_closed; /* the client has finished sending */
  bool gone;        /* we have closed; nothing can be sent */
  bool closed;      /* so has the wire, which has forgotten us */

  struct orr_buf head;    /* request line and headers; the request's slices point into it */
  size_t line;            /* where the line begins that is being read */
  size_t lines, line_one; /* how many are whole, and the first one's size */
  struct orr_buf body;
  struct orr_buf piece;       /* of a body that is read as it comes: what was read last; `body` is what comes next */
  uint64_t body_bytes;        /* so much of it has come */
  struct orr_buf rest; /* read, but not yet eaten: pipelined, from `rest_at` on */
  size_t rest_at;
  llhttp_t parser;
  bool message_done, body_too_large;
  bool streams; /* the receiver reads the body as it comes … */
  bool expects; /* … the client waits to be told that it may send it … */
  bool awaited; /* … the receiver to be told that there is some */
  struct orr_request request;
  struct orr_answer answer;

  long long deadline;       /* of the phase; 0: none */
  uint64_t body_mark;       /* how much of the body had come when its clock was last started */
  long long patience;       /* what is left of that clock, which stands while nobody reads */
  uint64_t given;           /* bytes handed to the wire … */
  uint64_t taken_mark;      /* … and taken by it, when the clock for that was last started */
  long long taken_deadline; /* 0: that clock stands */
  size_t lingered;
};

/* http.c */
void orr_http_sweep(struct orr_http *http, long long now);
void orr_http_forget(struct orr_connection *connection); /* takes it off the list; may be the last one */
void orr_http_next_id(struct orr_http *http, char id[17]);

/* connection.c */
struct orr_connection *orr_connection_create(struct orr_http *http, const struct orr_wire_ops *wire,
                                             void *carrier);
void orr_connection_data(void *connection, char *bytes, size_t size);
void orr_connection_end(void *connection, int code);
void orr_connection_drained(void *connection);
void orr_connection_closed(void *connection);
void orr_connection_sweep(struct orr_connection *connection, long long now);
void orr_connection_answered(struct orr_connection *connection); /* the receiver is done with the request */
void orr_connection_finish(struct orr_connection *connection);   /* all is said: a lingering close */
void orr_connection_drop(struct orr_connection *connection, bool reset); /* closes now */
void orr_connection_go_on(struct orr_connection *connection);    /* eats what rests */
bool orr_connection_idle(const struct orr_connection *connection);

/* out.c */
void orr_out_send(struct orr_connection *connection); /* what was built in http->out */
void orr_out_direct(struct orr_connection *connection, const void *bytes, size_t size);

/* head.c and parse.c: eat bytes, return how many, and move the phase on or refuse. */
size_t orr_head_take(struct orr_connection *connection, const char *bytes, size_t size);
void orr_parse_head(struct orr_connection *connection);
size_t orr_parse_body(struct orr_connection *connection, const char *bytes, size_t size);

/* body.c: bodies that are read as they come */
/* Tells a client that waits for that to send. */
void orr_body_invite(struct orr_connection *connection);
/* More of it is on the way, and not broken. */
bool orr_body_comes(const struct orr_connection *connection);
/* The reader is told, by its next read. */
void orr_body_break(struct orr_connection *connection, int status, const char *kind, const char *detail);
/* Tells a receiver that waits for it of what has come. It may answer: nothing is known of the connection afterwards. */
void orr_body_tell(struct orr_connection *connection);

/* refuse.c: what the receiver has already is not refused, but broken */
void orr_refuse(struct orr_connection *connection, int status, const char *kind, const char *detail);

/* respond.c */
void orr_respond_head(struct orr_connection *connection, const char *id, int status, const char *headers,
                      size_t headers_size);

/* status.c */
const char *orr_status_reason(int status);

/* date.c: "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" */
void orr_date_line(long long wall_ms, char out[ORR_DATE_LINE + 1]);
