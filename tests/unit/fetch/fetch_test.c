/* Requests on a loop, to servers that do not mean well: one thread a connection, which behaves as the path says. */
#include "fetch/fetch.h"

#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/unit.h"
#include "loop/stream.h"

static struct {
  int fd, port;
  pthread_t thread;
  atomic_int connections, asked;
} trap;

static struct orr_loop *loop;
static struct orr_fetch *fetch;

/* How one request went. */
struct outcome {
  bool done, answered;
  int status;
  char head[512], body[8192];
  size_t body_size;
  struct orr_err err;
};

/* Servers --------------------------------------------------------------------------------------------------------- */

static bool say(int fd, const char *text) { return send(fd, text, strlen(text), MSG_NOSIGNAL) > 0; }

static void wait_for_end(int fd) {
  struct pollfd end = {.fd = fd, .events = POLLRDHUP};
  poll(&end, 1, 20000);
}

static void again_and_again(int fd, const char *text, int pause_us) {
  while (say(fd, text)) usleep((useconds_t)pause_us);
}

static void behave(int fd, const char *request) {
  char path[64] = "";
  sscanf(request, "%*s /%63s", path);
  if (strcmp(path, "hang") == 0) {
    wait_for_end(fd);
  } else if (strcmp(path, "redirect") == 0) {
    say(fd, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
  } else if (strcmp(path, "drip") == 0) {
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    again_and_again(fd, ".", 5000);
  } else if (strcmp(path, "huge") == 0) {
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n");
    again_and_again(fd, "a line of an answer that never ends\n", 0);
  } else if (strcmp(path, "headers") == 0) {
    say(fd, "HTTP/1.1 200 OK\r\n");
    again_and_again(fd, "X-More: and more, and more, and more\r\n", 0);
  } else if (strcmp(path, "continue") == 0) {
    again_and_again(fd, "HTTP/1.1 100 Continue\r\nX-More: and more\r\n\r\n", 0);
  } else if (strcmp(path, "garbage") == 0) {
    say(fd, "\x01\x02\xff nothing that HTTP knows\r\n\r\n");
  } else if (strcmp(path, "cut") == 0) {
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  } else {
    char answer[9000];
    snprintf(answer, sizeof answer, "HTTP/1.1 201 Made\r\nX-Own: a b\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(request), request);
    say(fd, answer);
  }
}

static void *converse(void *data) {
  int fd = (int)(intptr_t)data;
  char request[8192];
  size_t size = 0;
  for (ssize_t got; (got = recv(fd, request + size, sizeof request - 1 - size, 0)) > 0;) {
    size += (size_t)got;
    request[size] = 0;
    char *body = strstr(request, "\r\n\r\n"), *length = strstr(request, "Content-Length: ");
    if (!body || (length && strlen(body + 4) < strtoul(length + 16, NULL, 10))) continue;
    trap.asked++;
    behave(fd, request);
    break;
  }
  close(fd);
  trap.connections--;
  return NULL;
}

static void *listen_on(void *data) {
  (void)data;
  for (int fd; (fd = accept(trap.fd, NULL, NULL)) >= 0;) {
    pthread_t thread;
    trap.connections++;
    pthread_create(&thread, NULL, converse, (void *)(intptr_t)fd);
    pthread_detach(thread);
  }
  return NULL;
}

static int open_trap(void **state) {
  struct orr_err err;
  (void)state;
  assert_int_equal(orr_listen("127.0.0.1", 0, &trap.fd, &trap.port, &err), 0);
  fcntl(trap.fd, F_SETFL, fcntl(trap.fd, F_GETFL) & ~O_NONBLOCK);
  pthread_create(&trap.thread, NULL, listen_on, NULL);
  return 0;
}

static int close_trap(void **state) {
  (void)state;
  shutdown(trap.fd, SHUT_RDWR);
  pthread_join(trap.thread, NULL);
  close(trap.fd);
  while (trap.connections > 0) usleep(1000);
  return 0;
}

/* Asking ---------------------------------------------------------------------------------------------------------- */

static void start(const char *allow) {
  struct orr_err err;
  loop = orr_loop_create(&err);
  fetch = orr_fetch_create(loop, allow, NULL, &err);
  assert_non_null(fetch);
  trap.asked = 0;
}

static void stop(void) {
  orr_fetch_destroy(fetch);
  orr_loop_destroy(loop);
}

static void ended(void *data, struct orr_fetch_answer *answer, const struct orr_err *err) {
  struct outcome *outcome = data;
  assert(!outcome->done);
  outcome->done = true;
  outcome->answered = answer != NULL;
  outcome->err = *err;
  if (answer) {
    outcome->status = answer->status;
    outcome->body_size = answer->body.size;
    snprintf(outcome->head, sizeof outcome->head, "%s", orr_buf_text(&answer->head));
    snprintf(outcome->body, sizeof outcome->body, "%s", orr_buf_text(&answer->body));
  }
  orr_loop_stop(loop);
}

static void send_to(const char *host, const char *path, int64_t timeout_ms, struct outcome *outcome) {
  static const char *const headers[] = {"Content-Type: text/x-own", NULL};
  char url[128];
  snprintf(url, sizeof url, "http://%s:%d/%s", host, trap.port, path);
  *outcome = (struct outcome){.done = false};
  struct orr_fetch_request request = {.method = "POST",
                                      .url = url,
                                      .headers = headers,
                                      .body = "hello",
                                      .body_size = 5,
                                      .timeout_ms = timeout_ms,
                                      .most_body = 4096};
  orr_fetch_send(fetch, &request, ended, outcome);
}

static struct outcome ask(const char *allow, const char *host, const char *path, int64_t timeout_ms) {
  struct outcome outcome;
  start(allow);
  send_to(host, path, timeout_ms, &outcome);
  orr_loop_run(loop);
  assert_true(outcome.done);
  stop();
  return outcome;
}

static struct outcome ask_for(const char *path) { return ask("127.0.0.0/8", "127.0.0.1", path, 10000); }

static void an_answer_comes_whole(void **state) {
  (void)state;
  struct outcome outcome = ask_for("x?y=1");
  assert_true(outcome.answered);
  assert_int_equal(outcome.status, 201);
  assert_non_null(strstr(outcome.head, "X-Own: a b\r\n"));
  assert_ptr_equal(strstr(outcome.body, "POST /x?y=1 HTTP/1.1\r\n"), outcome.body);
  assert_non_null(strstr(outcome.body, "Content-Type: text/x-own\r\n"));
  assert_null(strstr(outcome.body, "Expect:"));
  assert_string_equal(strstr(outcome.body, "\r\n\r\n"), "\r\n\r\nhello");
}

static void a_redirect_is_an_answer(void **state) {
  (void)state;
  struct outcome outcome = ask_for("redirect");
  assert_int_equal(outcome.status, 302);
  assert_int_equal(trap.asked, 1);
}

static void nobody_is_waited_for(void **state) {
  (void)state;
  static const char *const paths[] = {"hang", "drip"};
  for (size_t i = 0; i < 2; i++) {
    struct outcome outcome = ask("127.0.0.0/8", "127.0.0.1", paths[i], 200);
    assert_false(outcome.answered);
    assert_int_equal(outcome.err.code, ORR_TIMEOUT);
  }
}

static void one_that_hangs_holds_up_nobody(void **state) {
  (void)state;
  struct outcome hanging[20], quick;
  start("127.0.0.0/8");
  for (int i = 0; i < 20; i++) send_to("127.0.0.1", "hang", 600000, &hanging[i]);
  send_to("127.0.0.1", "quick", 10000, &quick);
  orr_loop_run(loop);
  assert_int_equal(quick.status, 201);
  for (int i = 0; i < 20; i++) assert_false(hanging[i].done);
  stop(); /* which tells the others */
  for (int i = 0; i < 20; i++) assert_true(hanging[i].done && !hanging[i].answered);
}

static void of_a_huge_answer_the_beginning_is_read(void **state) {
  (void)state;
  struct outcome outcome = ask_for("huge");
  assert_true(outcome.answered);
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.body_size, 4096);
}

static void headers_have_an_end(void **state) {
  (void)state;
  struct outcome outcome = ask_for("headers");
  assert_false(outcome.answered);
  assert_int_equal(outcome.err.code, ORR_TOO_LARGE);
  assert_int_equal(ask_for("continue").err.code, ORR_TOO_LARGE);
}

static void what_is_no_answer_is_a_failure(void **state) {
  (void)state;
  assert_int_equal(ask_for("garbage").err.code, ORR_UNAVAILABLE);
  assert_int_equal(ask_for("cut").err.code, ORR_UNAVAILABLE);
}

static void no_address_behind_our_own_doors(void **state) {
  (void)state;
  /* One address in many clothes, and names for it: what counts is where the connection would go. */
  static const char *const hosts[] = {"127.0.0.1",  "localhost", "[::ffff:127.0.0.1]",
                                      "2130706433", "0x7f.1",    "0.0.0.0"};
  for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
    struct outcome outcome = ask(NULL, hosts[i], "x", 10000);
    assert_false(outcome.answered);
    assert_int_equal(outcome.err.code, ORR_INVALID);
    assert_non_null(strstr(outcome.err.text, "is an address that no request may go to from here"));
  }
  assert_int_equal(trap.asked, 0);
  assert_int_equal(ask("10.0.0.0/8", "127.0.0.1", "x", 10000).err.code, ORR_INVALID);
  assert_int_equal(ask("127.0.0.0/8, ::1", "localhost", "x", 10000).status, 201);
}

static void no_proxy_is_asked(void **state) {
  (void)state;
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  assert_int_equal(ask_for("x").status, 201);
  unsetenv("http_proxy");
}

static void urls_are_checked(void **state) {
  (void)state;
  static const struct {
    const char *given, *taken, *why;
  } cases[] = {
      {"https://example.org/a?b=c#d", "https://example.org/a?b=c", NULL},
      {"HTTP://example.org", "http://example.org/", NULL},
      {"http://10.0.0.1:8080/", "http://10.0.0.1:8080/", NULL},
      {"http://10.1.0.1/", NULL, "leads to 10.1.0.1"},
      {"http://0x7f.1/", NULL, "leads to 127.0.0.1"},
      {"http://[::1]/", NULL, "leads to [::1]"},
      {"http://[fe80::1%25eth0]/", NULL, "leads to [fe80::1"},
      {"https://u:p@example.org/", NULL, "must have no user"},
      {"https://u@example.org/", NULL, "must have no user"},
      {"file:///etc/passwd", NULL, "must be an address that begins with https://"},
      {"gopher://example.org/", NULL, "must be an address"},
      {"example.org/x", NULL, "must be an address"},
      {"http://exa mple.org/", NULL, "must be an address"},
      {"http://", NULL, "must be an address"},
      {"http://%ff.example.org/", NULL, "must name its host in ASCII"},
      {"http://b\xc3\xbc"
       "cher.example/",
       NULL, "must name its host in ASCII"},
      {"http://example.org/\xc3\xbc", "http://example.org/\xc3\xbc", NULL},
      {"", NULL, "must be an address"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct orr_buf out = {0};
    struct orr_err err = {.code = ORR_OK};
    int code = orr_fetch_url(cases[i].given, "10.0.0.0/24", &out, &err);
    if (cases[i].taken) {
      assert_int_equal(code, ORR_OK);
      assert_string_equal(orr_buf_text(&out), cases[i].taken);
    } else {
      assert_int_equal(code, ORR_INVALID);
      if (strncmp(err.text, cases[i].why, strlen(cases[i].why)) != 0)
        fail_msg("%s: %s", cases[i].given, err.text);
    }
    orr_buf_free(&out);
  }
}

static void authorities_must_be_readable(void **state) {
  struct orr_err err;
  (void)state;
  loop = orr_loop_create(&err);
  assert_null(orr_fetch_create(loop, NULL, "/nonexistent/ca.pem", &err));
  assert_string_equal(err.text,
                      "webhooks.ca_file: cannot read /nonexistent/ca.pem: No such file or directory");
  assert_null(orr_fetch_create(loop, "10.0.0.0/33", NULL, &err));
  orr_loop_destroy(loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_answer_comes_whole),
      cmocka_unit_test(a_redirect_is_an_answer),
      cmocka_unit_test(nobody_is_waited_for),
      cmocka_unit_test(one_that_hangs_holds_up_nobody),
      cmocka_unit_test(of_a_huge_answer_the_beginning_is_read),
      cmocka_unit_test(headers_have_an_end),
      cmocka_unit_test(what_is_no_answer_is_a_failure),
      cmocka_unit_test(no_address_behind_our_own_doors),
      cmocka_unit_test(no_proxy_is_asked),
      cmocka_unit_test(urls_are_checked),
      cmocka_unit_test(authorities_must_be_readable),
  };
  return cmocka_run_group_tests(tests, open_trap, close_trap);
}
