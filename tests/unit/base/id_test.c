/* Identifiers: order, text, and many threads drawing at once. */
#include "base/id.h"

#include <pthread.h>

#include "base/clock.h"
#include "unit.h"

static void keys_grow_and_tell_the_time(void **state) {
  (void)state;
  struct orr_ids ids;
  orr_ids_init(&ids, 1, 0);
  int64_t before = orr_wall_ms(), last = 0;
  for (int i = 0; i < 100000; i++) {
    int64_t key = orr_id_next(&ids);
    assert_true(key > last);
    last = key;
  }
  /* 4,096 keys a millisecond, then the counter runs ahead of the clock */
  assert_in_range(orr_id_time(last), before, orr_wall_ms() + 100000 / 4096 + 1);
  assert_true(last < INT64_C(1) << 60);
}

static void a_clock_set_back_repeats_nothing(void **state) {
  (void)state;
  struct orr_ids ids;
  int64_t newest = (orr_wall_ms() + 86400000) << 12;
  orr_ids_init(&ids, 1, newest);
  assert_int_equal(orr_id_next(&ids), newest + 1);
  assert_int_equal(orr_id_range(&ids, 1000), newest + 2);
  assert_int_equal(orr_id_next(&ids), newest + 1002);
}

static void text_and_key_map_to_each_other(void **state) {
  (void)state;
  struct orr_ids ids;
  orr_ids_init(&ids, UINT64_C(0xffffffffffffffff), 0); /* only 62 bits count */
  static const int64_t keys[] = {0, 1, 4095, 4096, INT64_C(0x199abcdef0123456), (INT64_C(1) << 60) - 1};
  for (size_t i = 0; i < COUNT(keys); i++) {
    char text[ORR_ID_TEXT];
    int64_t key = -1;
    orr_id_text(&ids, keys[i] & ((INT64_C(1) << 60) - 1), text);
    assert_int_equal(strlen(text), 36);
    assert_int_equal(text[14], '7'); /* the version */
    assert_int_equal(text[19], 'b'); /* the variant */
    if (keys[i] >> 59) continue;     /* a millisecond of 48 bits: past the year 6429 */
    assert_true(orr_id_parse(&ids, text, 36, &key));
    assert_int_equal(key, keys[i]);
  }
  char text[ORR_ID_TEXT];
  orr_ids_init(&ids, UINT64_C(0x123456789abcdef), 0);
  orr_id_text(&ids, (INT64_C(0x0198a1b2c3d4) << 12) | 0xabc, text);
  assert_string_equal(text, "0198a1b2-c3d4-7abc-8123-456789abcdef");
}

static void texts_sort_like_keys(void **state) {
  (void)state;
  struct orr_ids ids;
  orr_ids_init(&ids, 12345, 0);
  char last[ORR_ID_TEXT] = "", text[ORR_ID_TEXT];
  for (int i = 0; i < 10000; i++) {
    orr_id_text(&ids, orr_id_next(&ids), text);
    assert_true(strcmp(last, text) < 0);
    memcpy(last, text, sizeof last);
  }
}

static void what_is_not_ours_is_refused(void **state) {
  (void)state;
  struct orr_ids ids, others;
  orr_ids_init(&ids, 77, 0);
  orr_ids_init(&others, 78, 0);
  char text[ORR_ID_TEXT], wrong[ORR_ID_TEXT];
  int64_t key, parsed;
  key = orr_id_next(&ids);
  orr_id_text(&ids, key, text);
  assert_false(orr_id_parse(&others, text, 36, &parsed)); /* another database's */
  assert_false(orr_id_parse(&ids, text, 35, &parsed));
  assert_false(orr_id_parse(&ids, "", 0, &parsed));
  for (size_t at = 0; at < 36; at++)
    for (const char *bad = "-g/:@`G {}\x80"; *bad; bad++) {
      if (text[at] == *bad) continue;
      memcpy(wrong, text, sizeof wrong);
      wrong[at] = *bad;
      assert_false(orr_id_parse(&ids, wrong, 36, &parsed));
    }
  memcpy(wrong, text, sizeof wrong);
  wrong[14] = '4'; /* another version */
  assert_false(orr_id_parse(&ids, wrong, 36, &parsed));
  for (size_t at = 0; at < 36; at++)
    if (text[at] >= 'a') text[at] = (char)(text[at] - 32);
  assert_true(orr_id_parse(&ids, text, 36, &parsed)); /* upper case */
  assert_int_equal(parsed, key);
}

enum { THREADS = 8, DRAWS = 50000 };

struct drawer {
  struct orr_ids *ids;
  int64_t *keys;
};

static void *draw(void *data) {
  struct drawer *drawer = data;
  for (int i = 0; i < DRAWS; i++)
    drawer->keys[i] = i % 3 ? orr_id_next(drawer->ids) : orr_id_range(drawer->ids, 5);
  return NULL;
}

static int by_key(const void *a, const void *b) {
  int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
  return (one > other) - (one < other);
}

static void threads_draw_different_keys(void **state) {
  (void)state;
  static int64_t keys[THREADS * DRAWS];
  struct orr_ids ids;
  struct drawer drawers[THREADS];
  pthread_t threads[THREADS];
  orr_ids_init(&ids, 1, 0);
  for (int i = 0; i < THREADS; i++) {
    drawers[i] = (struct drawer){.ids = &ids, .keys = keys + i * DRAWS};
    pthread_create(&threads[i], NULL, draw, &drawers[i]);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS; i++) /* each saw them grow, and its ranges are its own */
    for (int draw_no = 1; draw_no < DRAWS; draw_no++) {
      int64_t *at = &keys[i * DRAWS + draw_no];
      assert_true(at[0] >= at[-1] + ((draw_no - 1) % 3 ? 1 : 5));
    }
  qsort(keys, COUNT(keys), sizeof *keys, by_key);
  for (size_t i = 1; i < COUNT(keys); i++) assert_true(keys[i] > keys[i - 1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_grow_and_tell_the_time),    cmocka_unit_test(a_clock_set_back_repeats_nothing),
      cmocka_unit_test(text_and_key_map_to_each_other), cmocka_unit_test(texts_sort_like_keys),
      cmocka_unit_test(what_is_not_ours_is_refused),    cmocka_unit_test(threads_draw_different_keys),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
