/* From paths to routes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/router.h"

static struct orr_router *router;
static struct orr_arena *arena;

static int start(void **state) {
  (void)state;
  static const struct {
    enum orr_method method;
    const char *pattern;
  } routes[] = {
      {ORR_GET, "/"},                           /* 0 */
      {ORR_GET, "/v1/jobs"},                    /* 1 */
      {ORR_GET, "/v1/jobs/{id}"},               /* 2 */
      {ORR_DELETE, "/v1/jobs/{job}"},           /* 3 */
      {ORR_POST, "/v1/jobs/{id}/cancel"},       /* 4 */
      {ORR_GET, "/v1/jobs/{id}/files/{path*}"}, /* 5 */
      {ORR_GET, "/v1/jobs/recent"},             /* 6 */
      {ORR_GET, "/v1/{kind}/recent/{n}"},       /* 7 */
      {ORR_GET, "/{a}/{b}/{c}/{d}"},            /* 8 */
      {ORR_GET, "/web/{rest*}"},                /* 9 */
      {ORR_GET, "/web/index.html"},             /* 10 */
  };
  router = orr_router_create();
  arena = orr_arena_create();
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
    assert_int_equal(orr_router_add(router, routes[i].method, routes[i].pattern, (int)i, NULL), 0);
  return 0;
}

static int stop(void **state) {
  (void)state;
  orr_router_destroy(router);
  orr_router_destroy(NULL);
  orr_arena_destroy(arena);
  return 0;
}

static struct orr_route_match match(enum orr_method method, const char *path) {
  struct orr_route_match found;
  struct orr_slice slice = {path, strlen(path)};
  assert_int_equal(orr_router_match(router, method, slice, arena, &found, NULL), 0);
  return found;
}

static void expect(enum orr_method method, const char *path, int route, int captures, ...) {
  struct orr_route_match found = match(method, path);
  if (found.route != route) fail_msg("%s is route %d", path, found.route);
  assert_int_equal(found.capture_count, captures);
  va_list list;
  va_start(list, captures);
  for (int i = 0; i < captures; i++) assert_string_equal(found.captures[i].text, va_arg(list, const char *));
  va_end(list);
}

static void finds_routes(void **state) {
  (void)state;
  expect(ORR_GET, "/", 0, 0);
  expect(ORR_GET, "/v1/jobs", 1, 0);
  expect(ORR_GET, "/v1/jobs/17", 2, 1, "17");
  expect(ORR_DELETE, "/v1/jobs/17", 3, 1, "17");
  expect(ORR_POST, "/v1/jobs/17/cancel", 4, 1, "17");
  expect(ORR_HEAD, "/v1/jobs/17", 2, 1, "17");
}

static void words_win_and_captures_catch_what_they_leave(void **state) {
  (void)state;
  expect(ORR_GET, "/v1/jobs/recent", 6, 0);
  expect(ORR_GET, "/v1/jobs/recently", 2, 1, "recently");
  expect(ORR_GET, "/v1/jobs/recent/5", 7, 2, "jobs", "5");       /* back from jobs, and its {id} */
  expect(ORR_GET, "/v1/jobs/a/b", 8, 4, "v1", "jobs", "a", "b"); /* all the way back */
  expect(ORR_GET, "/web/index.html", 10, 0);
}

static void tails_take_the_rest(void **state) {
  (void)state;
  expect(ORR_GET, "/v1/jobs/17/files/a/b.txt", 5, 2, "17", "a/b.txt");
  expect(ORR_GET, "/v1/jobs/17/files/a/", 5, 2, "17", "a/");
  expect(ORR_GET, "/v1/jobs/17/files/", 5, 2, "17", "");
  expect(ORR_GET, "/v1/jobs/17/files", 5, 2, "17", "");
  expect(ORR_GET, "/web/a/b/c/d/e/f", 9, 1, "a/b/c/d/e/f");
}

static void misses(void **state) {
  (void)state;
  static const char *const missing[] = {"",           "v1/jobs",
                                        "*",          "/v1",
                                        "/v1/",       "/v1/jobs/",
                                        "//",         "/v1/jobs//cancel",
                                        "/V1/jobs",   "/v1/jobs/17/cancel/",
                                        "/a/b/c/d/e", "/v1/jobs/1/2/3"};
  for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
    struct orr_route_match found = match(ORR_GET, missing[i]);
    if (found.route != -1) fail_msg("%s is route %d", missing[i], found.route);
    assert_int_equal(found.allowed, 0);
  }
}

static void knows_the_methods_of_a_path(void **state) {
  (void)state;
  struct orr_route_match found = match(ORR_PUT, "/v1/jobs/17");
  assert_int_equal(found.route, -2);
  assert_int_equal(found.allowed, 1 << ORR_GET | 1 << ORR_HEAD | 1 << ORR_DELETE);
  found = match(ORR_METHOD_OTHER, "/v1/jobs/17/cancel");
  assert_int_equal(found.route, -2);
  assert_int_equal(found.allowed, 1 << ORR_POST);
  assert_int_equal(match(ORR_HEAD, "/v1/jobs/17/cancel").route, -2);
}

static void decodes_captures(void **state) {
  (void)state;
  expect(ORR_GET, "/v1/jobs/a%2Fb%20c+d", 2, 1, "a/b c+d");
  expect(ORR_GET, "/web/caf%C3%A9/%7e", 9, 1, "caf\xc3\xa9/~");
  static const char *const broken[] = {"/v1/jobs/%",    "/v1/jobs/%4",  "/v1/jobs/%4g",
                                       "/v1/jobs/a%00", "/v1/jobs/%ff", "/web/%c3"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    struct orr_route_match found;
    struct orr_err err = {0};
    struct orr_slice path = {broken[i], strlen(broken[i])};
    assert_int_equal(orr_router_match(router, ORR_GET, path, arena, &found, &err), ORR_INVALID);
    assert_true(strlen(err.text) > 0);
  }
}

static void refuses_bad_patterns(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",      "v1",    "/v1/",    "//",   "/{}", "/{a",     "/a}",
      "/{a}b", "/b{a}", "/{a*}/b", "/{*}", "/a*", "/{a}{b}", "/{a}/{b}/{c}/{d}/{e}"};
  struct orr_err err = {0};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (orr_router_add(router, ORR_POST, bad[i], 99, &err) != ORR_INVALID) fail_msg("%s is taken", bad[i]);
  assert_int_equal(orr_router_add(router, ORR_METHOD_OTHER, "/x", 99, &err), ORR_INVALID);
  assert_int_equal(orr_router_add(router, ORR_GET, "/v1/jobs/{other}", 99, &err), ORR_CONFLICT);
  assert_non_null(strstr(err.text, "/v1/jobs/{other}"));
  assert_int_equal(orr_router_add(router, ORR_GET, "/web/{other*}", 99, &err), ORR_CONFLICT);
}

static void decodes_queries(void **state) {
  (void)state;
  struct orr_slice out;
  assert_int_equal(orr_percent_decode((struct orr_slice){"a+b%2Bc", 7}, true, arena, &out, NULL), 0);
  assert_string_equal(out.text, "a b+c");
  assert_int_equal(out.size, 5);
  assert_int_equal(orr_percent_decode((struct orr_slice){"a+b", 3}, false, arena, &out, NULL), 0);
  assert_string_equal(out.text, "a+b");
  assert_int_equal(orr_percent_decode((struct orr_slice){0}, true, arena, &out, NULL), 0);
  assert_string_equal(out.text, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(finds_routes, start, stop),
      cmocka_unit_test_setup_teardown(words_win_and_captures_catch_what_they_leave, start, stop),
      cmocka_unit_test_setup_teardown(tails_take_the_rest, start, stop),
      cmocka_unit_test_setup_teardown(misses, start, stop),
      cmocka_unit_test_setup_teardown(knows_the_methods_of_a_path, start, stop),
      cmocka_unit_test_setup_teardown(decodes_captures, start, stop),
      cmocka_unit_test_setup_teardown(refuses_bad_patterns, start, stop),
      cmocka_unit_test_setup_teardown(decodes_queries, start, stop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
