/* Exchanges: a request of libcurl's, and what is told to whoever asked for it. */
#include "fetch/fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "fetch/private.h"

enum { MOST_HEAD = 64 << 10, KEPT_CONNECTIONS = 64 };

struct exchange {
  struct orr_fetch *fetch;
  CURL *easy;
  struct curl_slist *headers;
  void (*done)(void *data, struct orr_fetch_answer *answer, const struct orr_err *err);
  void *data;
  size_t most_body;
  struct orr_fetch_answer answer;
  bool cut;                       /* there is more of the body than was asked for */
  bool too_large;                 /* the head */
  char refused[INET6_ADDRSTRLEN]; /* an address that it may not go to */
  char error[CURL_ERROR_SIZE];
  struct exchange *next, **link;
};

/* --- the end of one --- */

static void end(struct exchange *exchange) {
  *exchange->link = exchange->next;
  if (exchange->next) exchange->next->link = exchange->link;
  curl_multi_remove_handle(exchange->fetch->multi, exchange->easy);
  curl_easy_cleanup(exchange->easy);
  curl_slist_free_all(exchange->headers);
  orr_buf_free(&exchange->answer.head);
  orr_buf_free(&exchange->answer.body);
  free(exchange);
}

static int why_not(const struct exchange *exchange, CURLcode code, struct orr_err *err) {
  const char *words = exchange->error[0] ? exchange->error : curl_easy_strerror(code);
  if (exchange->refused[0])
    return orr_fail(err, ORR_INVALID,
                    "%s is an address that no request may go to from here, unless webhooks.allow in the "
                    "configuration has it",
                    exchange->refused);
  if (exchange->too_large)
    return orr_fail(err, ORR_TOO_LARGE, "the answer's headers are longer than %d KiB", MOST_HEAD >> 10);
  switch (code) {
  case CURLE_URL_MALFORMAT: return orr_fail(err, ORR_INVALID, "%s", words);
  case CURLE_OPERATION_TIMEDOUT: return orr_fail(err, ORR_TIMEOUT, "no answer in time");
  default: return orr_fail(err, ORR_UNAVAILABLE, "%s", words);
  }
}

static void finish(struct exchange *exchange, CURLcode code) {
  struct orr_err err = {.code = ORR_OK};
  long status = 0;
  curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
  exchange->answer.status = (int)status;
  if (code != CURLE_OK && !exchange->cut) why_not(exchange, code, &err);
  exchange->done(exchange->data, err.code == ORR_OK ? &exchange->answer : NULL, &err);
  end(exchange);
}

/* Not within curl's own callbacks: whoever is told may send the next request at once. */
static void reap(struct orr_chore *chore) {
  struct orr_fetch *fetch = (struct orr_fetch *)((char *)chore - offsetof(struct orr_fetch, reap));
  int left;
  for (CURLMsg *message; (message = curl_multi_info_read(fetch->multi, &left));) {
    struct exchange *exchange;
    CURLcode code = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
    finish(exchange, code);
  }
}

/* --- what curl is told of one --- */

/* The one place where an address is known for certain: it is connected to next. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
  struct exchange *exchange = user;
  if (purpose == CURLSOCKTYPE_IPCXN && orr_networks_open(exchange->fetch->networks, &address->addr)) {
    exchange->refused[0] = 0; /* another address of the same name was, but this one is not */
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }
  bool is_ipv6 = address->family == AF_INET6;
  const void *bytes = is_ipv6 ? (void *)&((struct sockaddr_in6 *)&address->addr)->sin6_addr
                              : (void *)&((struct sockaddr_in *)&address->addr)->sin_addr;
  inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, bytes, exchange->refused, sizeof exchange->refused);
  return CURL_SOCKET_BAD;
}

static size_t take_header(char *line, size_t size, size_t count, void *user) {
  struct exchange *exchange = user;
  struct orr_buf *head = &exchange->answer.head;
  (void)size; /* always 1 */
  exchange->too_large = head->size + count > MOST_HEAD;
  if (exchange->too_large) return 0;
  if (count > 2 && !(count > 5 && memcmp(line, "HTTP/", 5) == 0)) orr_buf_put(head, line, count);
  return count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *user) {
  struct exchange *exchange = user;
  struct orr_buf *body = &exchange->answer.body;
  size_t room = exchange->most_body - body->size;
  (void)size;
  exchange->cut = count > room;
  orr_buf_put(body, bytes, exchange->cut ? room : count);
  return exchange->cut ? 0 : count;
}

static struct curl_slist *header_list(const struct orr_fetch_request *request) {
  struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no 100 Continue: it costs a round trip */
  for (const char *const *line = request->headers; line && *line; line++)
    list = curl_slist_append(list, *line);
  return list;
}

static void set_up(struct exchange *exchange, const struct orr_fetch_request *request) {
  CURL *easy = exchange->easy;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->error);
  curl_easy_setopt(easy, CURLOPT_URL, request->url);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not even that of the environment: it would connect for us */
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* a name that is not resolved in time is not waited for */
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
  if (exchange->fetch->ca_file) curl_easy_setopt(easy, CURLOPT_CAINFO, exchange->fetch->ca_file);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
  if (request->body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body);
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

void orr_fetch_send(struct orr_fetch *fetch, const struct orr_fetch_request *request,
                    void (*done)(void *data, struct orr_fetch_answer *answer, const struct orr_err *err),
                    void *data) {
  struct exchange *exchange = orr_zalloc(sizeof *exchange);
  exchange->fetch = fetch;
  exchange->easy = curl_easy_init();
  exchange->headers = header_list(request);
  exchange->done = done;
  exchange->data = data;
  exchange->most_body = request->most_body;
  exchange->next = fetch->exchanges;
  exchange->link = &fetch->exchanges;
  if (fetch->exchanges) fetch->exchanges->link = &exchange->next;
  fetch->exchanges = exchange;
  set_up(exchange, request);
  curl_multi_add_handle(fetch->multi, exchange->easy); /* which sets the timer */
}

/* --- all of them --- */

struct orr_fetch *orr_fetch_create(struct orr_loop *loop, const char *allow, const char *ca_file,
                                   struct orr_err *err) {
  struct orr_networks *networks;
  if (orr_networks_parse(allow, &networks, err)) return NULL;
  if (ca_file && access(ca_file, R_OK) != 0) {
    orr_networks_destroy(networks);
    orr_fail(err, ORR_NOT_FOUND, "webhooks.ca_file: cannot read %s: %s", ca_file, strerror(errno));
    return NULL;
  }
  struct orr_fetch *fetch = orr_zalloc(sizeof *fetch);
  fetch->loop = loop;
  fetch->networks = networks;
  fetch->ca_file = orr_strdup(ca_file);
  fetch->reap.run = reap;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  fetch->multi = curl_multi_init();
  orr_fetch_watch(fetch);
  curl_multi_setopt(fetch->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
  return fetch;
}

void orr_fetch_destroy(struct orr_fetch *fetch) {
  struct orr_err err = {.code = ORR_UNAVAILABLE, .text = "broken off"};
  if (!fetch) return;
  for (struct exchange *exchange; (exchange = fetch->exchanges); end(exchange))
    exchange->done(exchange->data, NULL, &err);
  curl_multi_cleanup(fetch->multi);
  orr_fetch_unwatch(fetch);
  orr_loop_forget(fetch->loop, &fetch->reap);
  curl_global_cleanup();
  orr_networks_destroy(fetch->networks);
  free(fetch->ca_file);
  free(fetch);
}
