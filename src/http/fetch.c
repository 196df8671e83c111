/* libcurl's multi interface, by sockets: it says which descriptors and which time it waits for, and is told of them. */
#include "http/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/networks.h"
#include "loop/poll.h"

enum { MOST_HEAD = 64 << 10, KEPT_CONNECTIONS = 64 };

struct watched; /* a descriptor that curl waits for */

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

struct orr_fetch {
  struct orr_loop *loop;
  CURLM *multi;
  struct orr_networks *networks;
  char *ca_file;
  struct orr_timer *timer;
  struct orr_chore reap; /* due when exchanges may have ended */
  struct exchange *exchanges;
  struct watched *watched;
};

struct watched {
  struct orr_fetch *fetch;
  struct orr_poll *poll;
  curl_socket_t fd;
  struct watched *next, **link;
};

/* Exchanges ------------------------------------------------------------------------------------------------------ */

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

/* What curl waits for --------------------------------------------------------------------------------------------- */

static void act(struct orr_fetch *fetch, curl_socket_t fd, int what) {
  int running;
  curl_multi_socket_action(fetch->multi, fd, what, &running);
  orr_loop_leave(fetch->loop, &fetch->reap);
}

static void ready(void *data, int what) {
  struct watched *watched = data;
  int flags =
      what < 0 ? CURL_CSELECT_ERR
               : (what & ORR_READABLE ? CURL_CSELECT_IN : 0) | (what & ORR_WRITABLE ? CURL_CSELECT_OUT : 0);
  act(watched->fetch, watched->fd, flags);
}

static void forget(struct watched *watched) {
  *watched->link = watched->next;
  if (watched->next) watched->next->link = watched->link;
  orr_poll_stop(watched->poll);
  free(watched);
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *user, void *known) {
  struct orr_fetch *fetch = user;
  struct watched *watched = known;
  int wanted = (what & CURL_POLL_IN ? ORR_READABLE : 0) | (what & CURL_POLL_OUT ? ORR_WRITABLE : 0);
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    if (watched) forget(watched);
    return 0;
  }
  if (watched) return orr_poll_want(watched->poll, wanted), 0;
  watched = orr_zalloc(sizeof *watched);
  *watched = (struct watched){.fetch = fetch, .fd = fd, .next = fetch->watched, .link = &fetch->watched};
  if (fetch->watched) fetch->watched->link = &watched->next;
  fetch->watched = watched;
  watched->poll = orr_poll_start(fetch->loop, fd, wanted, ready, watched, NULL);
  if (!watched->poll) return forget(watched), -1;
  curl_multi_assign(fetch->multi, fd, watched);
  return 0;
}

static void rung(void *data) { act(data, CURL_SOCKET_TIMEOUT, 0); }

static int set_timer(CURLM *multi, long ms, void *user) {
  struct orr_fetch *fetch = user;
  (void)multi;
  if (ms >= 0 && fetch->timer) {
    orr_timer_again(fetch->timer, ms);
  } else if (ms >= 0) {
    fetch->timer = orr_timer_start(fetch->loop, ms, 0, rung, fetch);
  } else {
    orr_timer_stop(fetch->timer);
    fetch->timer = NULL;
  }
  return 0;
}

/* What an exchange is told ---------------------------------------------------------------------------------------- */

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

/* All of it ------------------------------------------------------------------------------------------------------- */

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
  curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETFUNCTION, watch);
  curl_multi_setopt(fetch->multi, CURLMOPT_SOCKETDATA, fetch);
  curl_multi_setopt(fetch->multi, CURLMOPT_TIMERFUNCTION, set_timer);
  curl_multi_setopt(fetch->multi, CURLMOPT_TIMERDATA, fetch);
  curl_multi_setopt(fetch->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
  return fetch;
}

void orr_fetch_destroy(struct orr_fetch *fetch) {
  struct orr_err err = {.code = ORR_UNAVAILABLE, .text = "broken off"};
  if (!fetch) return;
  for (struct exchange *exchange; (exchange = fetch->exchanges); end(exchange))
    exchange->done(exchange->data, NULL, &err);
  curl_multi_cleanup(fetch->multi);
  while (fetch->watched) forget(fetch->watched);
  orr_timer_stop(fetch->timer);
  orr_loop_forget(fetch->loop, &fetch->reap);
  curl_global_cleanup();
  orr_networks_destroy(fetch->networks);
  free(fetch->ca_file);
  free(fetch);
}

/* URLs ------------------------------------------------------------------------------------------------------------ */

/* Names of hosts come decoded, so that these could be any bytes at all. */
static bool is_ascii(const char *text) {
  while (*text && !(*text & 0x80)) text++;
  return *text == 0;
}

static int check_url(CURLU *url, const struct orr_networks *networks, struct orr_buf *out,
                     struct orr_err *err) {
  char *scheme = NULL, *host = NULL, *whole = NULL;
  curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
  curl_url_get(url, CURLUPART_HOST, &host, 0);
  curl_url_get(url, CURLUPART_URL, &whole, 0);
  int code = ORR_OK;
  if (!scheme || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
    code = orr_fail(err, ORR_INVALID, "must be an address that begins with https:// or http://");
  else if (!host || !*host || !whole)
    code = orr_fail(err, ORR_INVALID, "must name a host");
  else if (!is_ascii(host))
    code = orr_fail(err, ORR_INVALID, "must name its host in ASCII, such as xn--bcher-kva.example");
  else if (!orr_networks_open_host(networks, host))
    code = orr_fail(err, ORR_INVALID,
                    "leads to %s, an address that no request may go to from here, unless "
                    "webhooks.allow in the configuration has it",
                    host);
  else
    orr_buf_puts(out, whole);
  curl_free(scheme);
  curl_free(host);
  curl_free(whole);
  return code;
}

int orr_fetch_url(const char *text, const char *allow, struct orr_buf *out, struct orr_err *err) {
  struct orr_networks *networks;
  int code = orr_networks_parse(allow, &networks, err);
  if (code != ORR_OK) return code;
  CURLU *url = curl_url();
  CURLUcode parsed = curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER);
  if (parsed == CURLUE_OK) {
    curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    code = check_url(url, networks, out, err);
  } else if (parsed == CURLUE_USER_NOT_ALLOWED) {
    code = orr_fail(err, ORR_INVALID, "must have no user or password in it");
  } else {
    code = orr_fail(err, ORR_INVALID, "must be an address such as https://example.org/hook");
  }
  curl_url_cleanup(url);
  orr_networks_destroy(networks);
  return code;
}
