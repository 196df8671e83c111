/* Reading requests: what is understood, and what is refused, however the bytes are cut. */
#include "server.h"

static struct server server;

static int start(void **state) {
  (void)state;
  server_init(&server);
  server.limits.header_bytes = 8192;
  server_start(&server);
  return 0;
}

static int stop(void **state) {
  (void)state;
  server_stop(&server);
  return 0;
}

struct exchange {
  const char *sent;
  int status;
  const char *seen[4];
};

static const struct exchange understood[] = {
    {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"method=0\npath=/\nquery=\n", "host=[h]"}},
    {"GET /a/b%20c?x=1&y=%2F HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"path=/a/b%20c\nquery=x=1&y=%2F\n"}},
    {"GET /a? HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"path=/a\nquery=\n"}},
    {"GET http://host.example:80/a?b HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"path=/a\nquery=b\n"}},
    {"GET http://host.example HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"path=/\nquery=\n"}},
    {"GET http://host.example?q HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"path=/\nquery=q\n"}},
    {"GET /?to=http://elsewhere/x HTTP/1.1\r\nHost: h\r\n\r\n",
     200,
     {"path=/\nquery=to=http://elsewhere/x\n"}},
    {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"method=6\npath=*\n"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 200, {"method=2\n", "body=[abc]"}},
    {"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", 200, {"method=3\n", "body=[]"}},
    {"PATCH / HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"method=4\n"}},
    {"DELETE / HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"method=5\n"}},
    {"PROPFIND / HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"method=7\n"}},
    {"CONNECT host.example:80 HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"method=7\npath=host.example:80\n"}},
    {"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
     200,
     {"upgrade=[websocket]"}},
    {"GET / HTTP/1.1\r\nHOST:h\r\nX-Name:  \t two words \t \r\nEmpty:\r\nX-Name: again\r\n\r\n",
     200,
     {"host=[h]\nx-name=[two words]\nempty=[]\nx-name=[again]\n"}},
    {"GET / HTTP/1.1\r\nHost: h\r\nX: caf\xc3\xa9\r\n\r\n", 200, {"x=[caf\xc3\xa9]"}},
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 200, {"path=/\n"}},
    {"GET / HTTP/1.0\r\n\r\n", 200, {"path=/\n"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n1A;name=\"v\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n",
     200,
     {"transfer-encoding=[chunked]\nbody=[abcabcdefghijklmnopqrstuvwxyz]"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200, {"body=[]"}},
};

static const struct exchange refused[] = {
    {"GET / HTTP/1.1\r\n\r\n", 400, {"400 bad-request: The request has no Host"}},
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, {"more than one Host"}},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400, {"more than one Host"}},
    {"GET / HTTP/1.1\nHost: h\r\n\r\n", 400, {"LF without CR"}},
    {"GET / HTTP/1.1\r\nHost: h\n\r\n", 400, {"LF without CR"}},
    {"GET / HTTP/1.1\r\nHost: h\r\n\n", 400, {"LF without CR"}},
    {"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, {"LF without CR"}},
    {"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400, {"folded"}},
    {"GET / HTTP/1.1\r\nHost: h\r\nX:\r\n\tb\r\n\r\n", 400, {"folded"}},
    {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400, {"folded"}},
    {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400, {"bad-request"}},
    {"GET / HTTP/1.1\r\nHost\r\n\r\n", 400, {"bad-request"}},
    {"GET / HTTP/1.1\r\nHo st: h\r\n\r\n", 400, {"bad-request"}},
    {"GET / HTTP/1.1\r\n: h\r\n\r\n", 400, {"bad-request"}},
    {"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", 400, {"bad-request"}},
    {"GET / HTTP/1.1\r\nHost: h\r\nX: a\x01z\r\n\r\n", 400, {"bad-request"}},
    {"GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", 400, {"bad-request"}},
    {"GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n", 400, {"bad-request"}},
    {"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400, {"fragment"}},
    {"GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400, {"slash"}},
    {"OPTIONS *? HTTP/1.1\r\nHost: h\r\n\r\n", 400, {"bad-request"}},
    {"GET a/b HTTP/1.1\r\nHost: h\r\n\r\n", 400, {"bad-request"}},
    {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400, {"bad-request"}},
    {"GET /  HTTP/1.1\r\nHost: h\r\n\r\n", 400, {"bad-request"}},
    {"GET /\r\n\r\n", 400, {"request line"}},
    {"GET / RTSP/1.0\r\nHost: h\r\n\r\n", 400, {"request line"}},
    {"SOURCE / ICE/1.0\r\nHost: h\r\n\r\n", 400, {"request line"}},
    {"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400, {"request line"}},
    {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, {"505 version-not-supported"}},
    {"GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505, {"505 version-not-supported"}},
    {"GET / HTTP/0.9\r\nHost: h\r\n\r\n", 505, {"505 version-not-supported"}},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, {"505 version-not-supported"}},
    {"FETCH / HTTP/1.1\r\nHost: h\r\n\r\n", 501, {"501 method-unknown"}},
    {"get / HTTP/1.1\r\nHost: h\r\n\r\n", 501, {"501 method-unknown"}},
    {"\x16\x03\x01\x02", 400, {"not HTTP"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400, {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc", 400, {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\nabc", 400, {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", 400, {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\nabc", 400, {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551617\r\n\r\nabc", 400, {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
     400,
     {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
     400,
     {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     400,
     {"bad-request"}},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, {"HTTP/1.0 has no"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, {"encoding-unknown"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400, {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n", 400, {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
     400,
     {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
     400,
     {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400, {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
     400,
     {"bad-request"}},
    {"POST / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n",
     417,
     {"417 expectation-failed"}},
};

static void check(const struct exchange *exchange, bool slowly) {
  struct client client = client_open(&server);
  if (slowly)
    for (const char *at = exchange->sent; *at; at++) send(client.fd, at, 1, MSG_NOSIGNAL);
  else
    client_send(&client, exchange->sent);
  struct answer answer = client_answer(&client);
  const char *body = orr_buf_text(&answer.body);
  if (answer.status != exchange->status) fail_msg("%d %s for: %s", answer.status, body, exchange->sent);
  for (int i = 0; i < 4 && exchange->seen[i]; i++)
    if (!strstr(body, exchange->seen[i])) fail_msg("no \"%s\" in: %s", exchange->seen[i], body);
  if (exchange->status >= 400) {
    assert_non_null(answer_header(&answer, "\r\nConnection: close\r\n"));
    expect_end(&client);
  }
  answer_free(&answer);
  client_close(&client);
}

static void understands_requests(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof understood / sizeof *understood; i++) check(&understood[i], false);
}
static void refuses_what_is_no_request(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) check(&refused[i], false);
}
static void does_not_care_how_bytes_are_cut(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof understood / sizeof *understood; i++) check(&understood[i], true);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) check(&refused[i], true);
}

static void bounds_the_head(void **state) {
  (void)state;
  struct orr_buf sent = {0};
  orr_buf_puts(&sent, "GET /");
  for (int i = 0; i < 9000; i++) orr_buf_putc(&sent, 'a');
  expect_exchange(&server, orr_buf_text(&sent), 414, "414 target-too-long");

  sent.size = 0;
  orr_buf_puts(&sent, "GET / HTTP/1.1\r\nHost: h\r\nX:");
  for (int i = 0; i < 9000; i++) orr_buf_putc(&sent, ' '); /* not even part of a value */
  expect_exchange(&server, orr_buf_text(&sent), 431, "431 headers-too-large");

  for (int count = 100; count <= 101; count++) {
    sent.size = 0;
    orr_buf_puts(&sent, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 1; i < count; i++) orr_buf_printf(&sent, "X%d: %d\r\n", i, i);
    orr_buf_puts(&sent, "\r\n");
    if (count == 100)
      expect_exchange(&server, orr_buf_text(&sent), 200, "x99=[99]");
    else
      expect_exchange(&server, orr_buf_text(&sent), 431, "431 too-many-headers");
  }
  orr_buf_free(&sent);
}

static void answer_looked_up(struct server *owner, struct orr_request *request) {
  (void)owner;
  struct orr_slice found = orr_request_header(request, "x-name"),
                   missing = orr_request_header(request, "x-nam");
  char text[64];
  snprintf(text, sizeof text, "%.*s,%d", (int)found.size, found.text, missing.text == NULL);
  answer_text(request, 200, text);
}
static void finds_the_first_header_of_a_name(void **state) {
  (void)state;
  server.handle = answer_looked_up;
  expect_exchange(&server, "GET / HTTP/1.1\r\nHost: h\r\nX-Name: one\r\nX-NAME: two\r\n\r\n", 200, "one,1");
  server.handle = NULL;
}

/* A client's own X-Request-Id is not believed, and no two requests share one. */
static void gives_every_request_an_id(void **state) {
  (void)state;
  struct client client = client_open(&server);
  char before[17] = "";
  for (int i = 0; i < 3; i++) {
    client_send(&client, "GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: 0123456789abcdef\r\n\r\n");
    struct answer answer = client_answer(&client);
    const char *id = answer_header(&answer, "\r\nX-Request-Id: ");
    assert_non_null(id);
    assert_int_equal(strspn(id, "0123456789abcdef"), 16);
    assert_true(strncmp(id, "0123456789abcdef", 16) != 0 && strncmp(id, before, 16) != 0);
    memcpy(before, id, 16);
    answer_free(&answer);
  }
  client_close(&client);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(understands_requests, start, stop),
      cmocka_unit_test_setup_teardown(refuses_what_is_no_request, start, stop),
      cmocka_unit_test_setup_teardown(does_not_care_how_bytes_are_cut, start, stop),
      cmocka_unit_test_setup_teardown(bounds_the_head, start, stop),
      cmocka_unit_test_setup_teardown(finds_the_first_header_of_a_name, start, stop),
      cmocka_unit_test_setup_teardown(gives_every_request_an_id, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
