#include "fetch/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { CONNECT_MS = 5000, MOST_BODY = 256 << 20, LONGEST_WAIT_MS = 1000, UPLOAD_ROOM = 512 << 10 };

struct orr_client {
  CURLM *multi; /* keeps the connections */
  CURL *easy;
  char *no_proxy;
  char error[CURL_ERROR_SIZE];
};

/* What curl's callbacks see of a running exchange. */
struct exchange {
  const struct orr_client_request *request;
  struct orr_client_response *response;
  CURL *easy;
  int64_t sent; /* by the source */
  bool broken_off, too_large;
};

/* A proxy is for the world outside; a server on this machine is asked directly. */
static char *no_proxy(void) {
  const char *given = getenv("no_proxy");
  if (!given) given = getenv("NO_PROXY");
  struct orr_buf list = {0};
  orr_buf_printf(&list, "localhost,127.0.0.1,::1%s%s", given ? "," : "", given ? given : "");
  orr_buf_text(&list);
  return list.data;
}

struct orr_client *orr_client_create(void) {
  struct orr_client *client = orr_zalloc(sizeof *client);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  client->multi = curl_multi_init();
  client->easy = curl_easy_init();
  client->no_proxy = no_proxy();
  return client;
}

void orr_client_destroy(struct orr_client *client) {
  if (!client) return;
  curl_easy_cleanup(client->easy);
  curl_multi_cleanup(client->multi);
  curl_global_cleanup();
  free(client->no_proxy);
  free(client);
}

void orr_client_response_free(struct orr_client_response *response) {
  orr_buf_free(&response->head);
  orr_buf_free(&response->body);
}

static size_t take_header(char *line, size_t size, size_t count, void *user) {
  struct exchange *exchange = user;
  (void)size; /* always 1 */
  if (count > 5 && memcmp(line, "HTTP/", 5) == 0)
    exchange->response->head.size = 0; /* what came before was a 100 Continue */
  else if (count > 2)
    orr_buf_put(&exchange->response->head, line, count);
  return count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user) {
  struct exchange *exchange = user;
  struct orr_buf *body = &exchange->response->body;
  long status = 0;
  (void)size;
  curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
  if (exchange->request->sink && status >= 200 && status < 300) {
    exchange->broken_off = !exchange->request->sink(exchange->request->data, (int)status, bytes, count);
    return exchange->broken_off ? 0 : count;
  }
  exchange->too_large = body->size + count > MOST_BODY;
  if (exchange->too_large) return 0;
  orr_buf_put(body, bytes, count);
  return count;
}

static size_t bring_body(char *into, size_t size, size_t count, void *user) {
  struct exchange *exchange = user;
  int64_t got = exchange->request->source(exchange->request->data, exchange->sent, into, size * count);
  exchange->broken_off = got < 0;
  if (got < 0) return CURL_READFUNC_ABORT;
  exchange->sent += got;
  return (size_t)got;
}

/* A kept connection may turn out to be closed when some of the body was sent. */
static int begin_again(void *user, curl_off_t offset, int origin) {
  struct exchange *exchange = user;
  if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  exchange->sent = offset;
  return CURL_SEEKFUNC_OK;
}

static struct curl_slist *header_list(const struct orr_client_request *request) {
  struct curl_slist *list = NULL;
  if (!request->source)
    list = curl_slist_append(list, "Expect:"); /* no 100 Continue: it costs a round trip */
  if (!request->body) list = curl_slist_append(list, "Content-Type:");
  for (const char *const *line = request->headers; line && *line; line++)
    list = curl_slist_append(list, *line);
  return list;
}

static void set_up(struct orr_client *client, struct exchange *exchange, struct curl_slist *headers) {
  const struct orr_client_request *request = exchange->request;
  CURL *easy = client->easy;
  curl_easy_reset(easy);
  client->error[0] = 0;
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, client->error);
  curl_easy_setopt(easy, CURLOPT_URL, request->url);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, client->no_proxy);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L); /* an answer may be silent for hours */
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
  if (request->source) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_ROOM);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_size);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, bring_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, begin_again);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, exchange);
  } else if (request->body || strcmp(request->method, "POST") == 0) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* Moves bytes until the exchange is over or was broken off. */
static CURLcode drive(struct orr_client *client, struct exchange *exchange) {
  const struct orr_client_request *request = exchange->request;
  struct curl_waitfd wake = {.fd = request->wake, .events = CURL_WAIT_POLLIN};
  int64_t next_tick = orr_clock_ms() + request->tick_ms;
  for (;;) {
    int running = 0, left;
    curl_multi_perform(client->multi, &running);
    if (!running) {
      CURLMsg *message = curl_multi_info_read(client->multi, &left);
      return message ? message->data.result : CURLE_OUT_OF_MEMORY;
    }
    int64_t wait = request->tick_ms ? next_tick - orr_clock_ms() : LONGEST_WAIT_MS;
    if (wait > 0) curl_multi_poll(client->multi, &wake, request->wake >= 0 ? 1 : 0, (int)wait, NULL);
    if (wake.revents) exchange->broken_off = true;
    if (request->tick_ms && orr_clock_ms() >= next_tick) {
      if (!request->tick(request->data)) exchange->broken_off = true;
      next_tick = orr_clock_ms() + request->tick_ms;
    }
    if (exchange->broken_off) return CURLE_OK;
  }
}

static int failure(struct orr_client *client, const struct exchange *exchange, CURLcode code,
                   struct orr_err *err) {
  long system = 0;
  const char *words = client->error[0] ? client->error : curl_easy_strerror(code);
  curl_easy_getinfo(client->easy, CURLINFO_OS_ERRNO, &system);
  if (exchange->too_large)
    return orr_fail(err, ORR_TOO_LARGE, "the answer is larger than %d MiB", MOST_BODY >> 20);
  switch (code) {
  case CURLE_URL_MALFORMAT:
  case CURLE_UNSUPPORTED_PROTOCOL: return orr_fail(err, ORR_INVALID, "%s", words);
  case CURLE_OPERATION_TIMEDOUT: return orr_fail(err, ORR_TIMEOUT, "no answer in time");
  case CURLE_COULDNT_CONNECT:
    return orr_fail(err, ORR_UNAVAILABLE, "%s", system ? strerror((int)system) : words);
  default: return orr_fail(err, ORR_UNAVAILABLE, "%s", words);
  }
}

int orr_client_send(struct orr_client *client, const struct orr_client_request *request,
                    struct orr_client_response *response, struct orr_err *err) {
  struct exchange exchange = {.request = request, .response = response, .easy = client->easy};
  struct curl_slist *headers = header_list(request);
  long status = 0;
  response->status = 0;
  response->head.size = response->body.size = 0;
  set_up(client, &exchange, headers);
  curl_multi_add_handle(client->multi, client->easy);
  CURLcode code = drive(client, &exchange);
  curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(client->multi, client->easy);
  curl_slist_free_all(headers);
  if (exchange.broken_off) return ORR_OK;
  if (code != CURLE_OK) return failure(client, &exchange, code, err);
  response->status = (int)status;
  return ORR_OK;
}
