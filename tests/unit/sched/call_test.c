/* A call and its reports, between a plug-in that talks and a loop that listens. */
#include "errand.h"

static struct orr_loop *loop;
static struct errand it;

static int start(void **state) {
  (void)state;
  loop = orr_loop_create(NULL);
  return loop ? 0 : -1;
}

static int stop(void **state) {
  (void)state;
  orr_loop_destroy(loop);
  errand_forget(&it);
  return 0;
}

static struct orrery_call *begin(const char *request) {
  return errand_call(&it, loop, ORR_SUBMIT, request, 60000);
}

/* The plug-in is done; what it sent is delivered by the end of the loop. */
static void end(struct orrery_call *call, int code, const char *text) {
  orr_call_finish(call, code, text);
  orr_loop_destroy(loop);
  loop = orr_loop_create(NULL);
  assert_int_equal(it.overs, 1);
}

static void a_request_is_read(void **state) {
  (void)state;
  struct orrery_call *call =
      begin("{\"items\":[{\"tag\":\"a\"},{}],\"name\":\"TERM\",\"changes\":{\"x\":{\"y\":1}}}");
  assert_int_equal(orrery_count(orrery_call_items(call)), 2);
  assert_string_equal(orrery_text(orrery_get(orrery_at(orrery_call_items(call), 0), "tag"), NULL, ""), "a");
  assert_string_equal(orrery_text(orrery_call_get(call, "name"), NULL, ""), "TERM");
  assert_int_equal(orrery_int(orrery_call_get(call, "changes.x.y"), 0), 1);
  assert_null(orrery_call_get(call, "absent"));
  end(call, ORR_OK, NULL);
  assert_int_equal(it.failure.code, ORR_OK);
  assert_int_equal(it.reports, 0);
}

static void reports_come_home_in_order(void **state) {
  (void)state;
  struct orrery_call *call = begin("{\"items\":[{},{},{}]}");
  struct orrery_value *report = orrery_report(call, 2);
  orrery_set_text(report, "native_id", "7");
  orrery_add_text(orrery_set_list(report, "hosts"), "n1");
  orrery_report_send(call, 2, report);
  orrery_report_ok(call, 0);
  orrery_report_error(call, 1, ORRERY_BUSY, "%d are too many", 5);
  end(call, ORR_OK, NULL);
  assert_string_equal(errand_said(&it),
                      "2 {\"native_id\":\"7\",\"hosts\":[\"n1\"]}\n"
                      "0 {}\n"
                      "1 {\"error\":{\"class\":\"busy\",\"message\":\"5 are too many\"}}\n");
}

static void the_first_word_counts(void **state) {
  (void)state;
  struct orrery_call *call = begin("{\"items\":[{},{}]}");
  orrery_report_error(call, 1, ORRERY_REJECTED, "first");
  orrery_report_error(call, 1, ORRERY_REJECTED, "second");
  orrery_report_ok(call, 1);
  orrery_report_ok(call, 2); /* there is no such item */
  orrery_report_ok(call, SIZE_MAX);
  end(call, ORR_OK, NULL);
  assert_int_equal(it.reports, 1);
  assert_non_null(strstr(errand_said(&it), "first"));
}

static void a_call_without_items_takes_no_report(void **state) {
  (void)state;
  static const char *const requests[] = {"{}", "{\"items\":[]}", "{\"items\":7}", "[]"};
  for (size_t i = 0; i < COUNT(requests); i++) {
    struct orrery_call *call = begin(requests[i]);
    orrery_report_ok(call, 0);
    end(call, ORR_OK, NULL);
    assert_int_equal(it.reports, 0);
  }
}

static void errors_have_classes(void **state) {
  (void)state;
  static char large[5000];
  struct orrery_call *call = begin("{\"items\":[{},{},{},{},{},{},{}]}");
  memset(large, 'x', sizeof large - 1);
  for (size_t i = 0; i <= ORRERY_UNKNOWN; i++) orrery_report_error(call, i, (enum orrery_error)i, "m");
  orrery_report_error(call, 4, (enum orrery_error)99, "m"); /* nonsense is no certainty */
  orrery_report_error(call, 5, (enum orrery_error) - 1, "m");
  orrery_report_error(call, 6, ORRERY_BUSY, "%s", large);
  end(call, ORR_OK, NULL);
  static const char *const classes[] = {"rejected", "busy",    "unavailable", "unknown",
                                        "unknown",  "unknown", "busy"};
  const char *at = errand_said(&it);
  for (size_t i = 0; i < COUNT(classes); i++) {
    char expected[64];
    snprintf(expected, sizeof expected, "%zu {\"error\":{\"class\":\"%s\",\"message\":\"", i, classes[i]);
    assert_memory_equal(at, expected, strlen(expected));
    at = strchr(at, '\n') + 1;
  }
}

static void a_failure_has_its_sentence(void **state) {
  (void)state;
  struct orrery_call *call = begin("{\"items\":[{}]}");
  end(call, ORR_TIMEOUT, "100% of the time is over");
  assert_int_equal(it.failure.code, ORR_TIMEOUT);
  assert_string_equal(it.failure.text, "100% of the time is over");
}

static void time_runs_out(void **state) {
  (void)state;
  struct orrery_call *call = errand_call(&it, loop, ORR_SUBMIT, "{}", 60000);
  assert_in_range(orrery_call_left_ms(call), 50000, 60000);
  end(call, ORR_OK, NULL);
  call = errand_call(&it, loop, ORR_SUBMIT, "{}", 5);
  usleep(10000);
  assert_int_equal(orrery_call_left_ms(call), 0);
  end(call, ORR_OK, NULL);
}

static void nothing_comes_of_nothing(void **state) {
  (void)state;
  orr_call_destroy(NULL);
  orr_report_destroy(NULL);
  orr_call_destroy(begin("{\"items\":[{}]}")); /* one that was never sent */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
  const struct CMUnitTest tests[] = {
      TEST(a_request_is_read),     TEST(reports_come_home_in_order),
      TEST(the_first_word_counts), TEST(a_call_without_items_takes_no_report),
      TEST(errors_have_classes),   TEST(a_failure_has_its_sentence),
      TEST(time_runs_out),         TEST(nothing_comes_of_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
