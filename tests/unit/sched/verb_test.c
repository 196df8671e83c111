/* Verbs, by number and by name. */
#include "sched/verb.h"

#include "../base/unit.h"

static void names_and_numbers_agree(void **state) {
  (void)state;
  for (int verb = 0; verb < ORR_VERBS; verb++)
    assert_int_equal(orr_verb_parse(orr_verb_name((enum orr_verb)verb)), verb);
  assert_int_equal(orr_verb_parse("submit"), ORR_SUBMIT);
  assert_int_equal(orr_verb_parse("estimate"), ORR_ESTIMATE);
  assert_int_equal(orr_verb_parse("open"), -1); /* it makes the instance, and is none of its verbs */
  assert_int_equal(orr_verb_parse("Submit"), -1);
  assert_int_equal(orr_verb_parse(""), -1);
}

static void four_are_required(void **state) {
  (void)state;
  int required = 0;
  for (int verb = 0; verb < ORR_VERBS; verb++) required += orr_verb_required((enum orr_verb)verb);
  assert_int_equal(required, 4);
  assert_true(orr_verb_required(ORR_SUBMIT) && orr_verb_required(ORR_MONITOR));
  assert_true(orr_verb_required(ORR_CANCEL) && orr_verb_required(ORR_FIND));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_and_numbers_agree),
      cmocka_unit_test(four_are_required),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
