/* From bytes to a request, by llhttp, and the rules of HTTP that llhttp leaves to its user. The head comes in
   one piece from head.c and is parsed where it lies; a body is parsed as it arrives, whoever reads it. A fresh parser for each
   request: nothing of one can leak into the next. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/private.h"

static int on_target(llhttp_t *parser, const char *at, size_t size) {
  struct orr_connection *connection = parser->data;
  connection->request.target = (struct orr_slice){at, size};
  return HPE_OK;
}

static int on_header_name(llhttp_t *parser, const char *at, size_t size) {
  struct orr_connection *connection = parser->data;
  struct orr_request *request = &connection->request;
  if (connection->phase != ORR_PHASE_HEAD) return HPE_OK; /* a trailer */
  if (at[size] != ':') {
    llhttp_set_error_reason(parser, "Space before the colon of a header");
    return HPE_USER;
  }
  char *name = (char *)at; /* points into connection->head */
  for (size_t i = 0; i < size; i++)
    if (name[i] >= 'A' && name[i] <= 'Z') name[i] |= 0x20;
  request->headers[request->header_count++] = (struct orr_header){{at, size}, {at + size, 0}};
  return HPE_OK;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t size) {
  struct orr_connection *connection = parser->data;
  struct orr_request *request = &connection->request;
  if (connection->phase != ORR_PHASE_HEAD) return HPE_OK;
  while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t')) size--;
  request->headers[request->header_count - 1].value = (struct orr_slice){at, size};
  return HPE_OK;
}

static int on_head_done(llhttp_t *parser) {
  struct orr_connection *connection = parser->data;
  connection->keep = llhttp_should_keep_alive(parser);
  parser->upgrade = 0; /* no other protocol is spoken here: an Upgrade is passed over */
  return HPE_OK;
}

static uint64_t most_bytes(const struct orr_connection *connection) {
  const struct orr_http_limits *limits = &connection->http->limits;
  return connection->streams ? (uint64_t)limits->upload_bytes : limits->body_bytes;
}

static int on_body(llhttp_t *parser, const char *at, size_t size) {
  struct orr_connection *connection = parser->data;
  connection->body_too_large = size > most_bytes(connection) - connection->body_bytes;
  if (connection->body_too_large) return HPE_USER;
  connection->body_bytes += size;
  orr_buf_put(&connection->body, at, size);
  return HPE_OK;
}

static int on_message_done(llhttp_t *parser) {
  struct orr_connection *connection = parser->data;
  connection->message_done = true;
  return HPE_PAUSED; /* what follows is the next request's */
}

static const llhttp_settings_t settings = {
    .on_url = on_target,
    .on_header_field = on_header_name,
    .on_header_value = on_header_value,
    .on_headers_complete = on_head_done,
    .on_body = on_body,
    .on_message_complete = on_message_done,
};

static bool bad(struct orr_connection *connection, const char *detail) {
  orr_refuse(connection, 400, "bad-request", detail);
  return false;
}

static bool unreadable(struct orr_connection *connection) {
  char detail[160];
  snprintf(detail, sizeof detail, "The request cannot be read: %s.",
           llhttp_get_error_reason(&connection->parser));
  return bad(connection, detail);
}

/* llhttp reads more protocols than one; the first line says whether this is ours. */
static bool check_version(struct orr_connection *connection) {
  static const char ours[] = " HTTP/1.";
  enum { TAIL = sizeof " HTTP/1.1\r\n" - 1, SAME = sizeof " HTTP/" - 1 };
  const char *tail = connection->head.data + connection->line_one - TAIL;
  if (connection->line_one < TAIL || memcmp(tail, ours, SAME) != 0)
    return bad(connection, "The request line does not read METHOD TARGET HTTP/1.1.");
  if (memcmp(tail, ours, sizeof ours - 1) == 0 && (tail[TAIL - 3] == '1' || tail[TAIL - 3] == '0'))
    return true;
  orr_refuse(connection, 505, "version-not-supported", "This server speaks HTTP/1.1 and HTTP/1.0.");
  return false;
}

static enum orr_method method_of(const llhttp_t *parser) {
  switch (parser->method) {
  case HTTP_GET: return ORR_GET;
  case HTTP_HEAD: return ORR_HEAD;
  case HTTP_POST: return ORR_POST;
  case HTTP_PUT: return ORR_PUT;
  case HTTP_PATCH: return ORR_PATCH;
  case HTTP_DELETE: return ORR_DELETE;
  case HTTP_OPTIONS: return ORR_OPTIONS;
  default: return ORR_METHOD_OTHER;
  }
}

static bool parse_lines(struct orr_connection *connection) {
  llhttp_init(&connection->parser, HTTP_REQUEST, &settings);
  connection->parser.data = connection;
  connection->message_done = connection->body_too_large = false;
  llhttp_errno_t code = llhttp_execute(&connection->parser, connection->head.data, connection->head.size);
  if (code == HPE_INVALID_METHOD) {
    orr_refuse(connection, 501, "method-unknown", "The request's method is not one of HTTP.");
    return false;
  }
  if (code != HPE_OK && code != HPE_PAUSED) return unreadable(connection);
  connection->request.method = method_of(&connection->parser);
  return true;
}

/* "/path?query", "http://host/path?query", "*" for OPTIONS, "host:port" for CONNECT. */
static bool split_target(struct orr_connection *connection) {
  struct orr_request *request = &connection->request;
  const char *at = request->target.text, *end = at + request->target.size;
  if (at[-2] == ' ' || end[1] == ' ') return bad(connection, "The request line has more spaces than two.");
  if (memchr(at, '#', request->target.size)) return bad(connection, "The target has a fragment.");
  bool star = request->target.size == 1 && *at == '*' && request->method == ORR_OPTIONS;
  if (*at != '/' && !star && connection->parser.method != HTTP_CONNECT) {
    const char *scheme_end = memmem(at, request->target.size, "://", 3);
    if (!scheme_end || *at == '*') return bad(connection, "The target does not begin with a slash.");
    for (at = scheme_end + 3; at < end && *at != '/' && *at != '?';) at++;
  }
  const char *mark = memchr(at, '?', (size_t)(end - at));
  request->path = (struct orr_slice){at, (size_t)((mark ? mark : end) - at)};
  if (mark) request->query = (struct orr_slice){mark + 1, (size_t)(end - mark) - 1};
  if (request->path.size == 0) request->path = (struct orr_slice){"/", 1};
  return true;
}

static bool is(struct orr_slice slice, const char *text) {
  return slice.size == strlen(text) && strncasecmp(slice.text, text, slice.size) == 0;
}

/* The headers that decide how a message is read. Content-Length is llhttp's: it refuses a second one, and one
   beside Transfer-Encoding, and whatever follows "chunked". */
static bool check_headers(struct orr_connection *connection, bool *expects) {
  const struct orr_request *request = &connection->request;
  bool old = llhttp_get_http_minor(&connection->parser) == 0;
  int hosts = 0;
  for (size_t i = 0; i < request->header_count; i++) {
    const struct orr_header *header = &request->headers[i];
    if (is(header->name, "host")) {
      hosts++;
    } else if (is(header->name, "transfer-encoding")) {
      if (old) return bad(connection, "HTTP/1.0 has no Transfer-Encoding.");
      if (!is(header->value, "chunked")) {
        orr_refuse(connection, 501, "encoding-unknown", "The only transfer encoding read here is chunked.");
        return false;
      }
    } else if (is(header->name, "expect") && !old) {
      *expects = is(header->value, "100-continue");
      if (!*expects) {
        orr_refuse(connection, 417, "expectation-failed", "The only expectation met here is 100-continue.");
        return false;
      }
    }
  }
  if (hosts == 1 || (old && hosts == 0)) return true;
  return bad(connection,
             hosts ? "The request has more than one Host header." : "The request has no Host header.");
}

static void refuse_body(struct orr_connection *connection) {
  char detail[96];
  snprintf(detail, sizeof detail, "The body is larger than the %" PRIu64 " bytes that this server accepts.",
           most_bytes(connection));
  orr_refuse(connection, 413, "body-too-large", detail);
}

static void expect_body(struct orr_connection *connection, bool expects) {
  const llhttp_t *parser = &connection->parser;
  const struct orr_http *http = connection->http;
  connection->streams = http->events->streams && http->events->streams(http->data, &connection->request);
  if (!(parser->flags & F_CHUNKED) && parser->content_length > most_bytes(connection)) {
    refuse_body(connection);
    return;
  }
  connection->body_bytes = connection->body_mark = 0;
  connection->patience = http->limits.body_ms;
  connection->expects = expects;
  connection->phase = connection->streams ? ORR_PHASE_WHOLE : ORR_PHASE_BODY;
  if (connection->streams) return;
  connection->deadline = orr_loop_now(http->loop) + http->limits.body_ms;
  orr_body_invite(connection);
}

void orr_parse_head(struct orr_connection *connection) {
  struct orr_arena *arena = connection->request.arena;
  connection->request = (struct orr_request){
      .connection = connection,
      .arena = arena,
      .headers = orr_arena_alloc(arena, connection->lines * sizeof(struct orr_header)),
  };
  bool expects = false;
  if (!check_version(connection) || !parse_lines(connection) || !split_target(connection) ||
      !check_headers(connection, &expects))
    return;
  if (connection->message_done)
    connection->phase = ORR_PHASE_WHOLE;
  else
    expect_body(connection, expects);
}

size_t orr_parse_body(struct orr_connection *connection, const char *bytes, size_t size) {
  llhttp_errno_t code = llhttp_execute(&connection->parser, bytes, size);
  if (connection->message_done) {
    if (connection->phase == ORR_PHASE_BODY) connection->phase = ORR_PHASE_WHOLE;
    return (size_t)(llhttp_get_error_pos(&connection->parser) - bytes);
  }
  if (connection->body_too_large) {
    refuse_body(connection);
  } else if (code != HPE_OK) {
    unreadable(connection);
  } else if (connection->phase == ORR_PHASE_BODY && connection->body_bytes - connection->body_mark >= ORR_PIECE) {
    connection->body_mark = connection->body_bytes;
    connection->deadline = orr_loop_now(connection->http->loop) + connection->http->limits.body_ms;
  }
  return size;
}
