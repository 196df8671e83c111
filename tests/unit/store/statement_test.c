/* The registry of statements: one text, one number, from any thread. */
#include <pthread.h>

#include "place.h"
#include "store/statement.h"

static void the_same_text_has_the_same_number(void **state) {
  (void)state;
  struct orr_statements *statements = orr_statements_create();
  int first = orr_statements_number(statements, "SELECT 1", 8);
  int other = orr_statements_number(statements, "SELECT 1 ", 9);
  assert_int_not_equal(first, other);
  assert_int_equal(orr_statements_number(statements, "SELECT 1xxx", 8), first);
  const char *kept = orr_statements_sql(statements, first);
  assert_string_equal(kept, "SELECT 1");
  char sql[32];
  for (int i = 0; i < 10000; i++) {
    int size = snprintf(sql, sizeof sql, "SELECT %d,", i);
    orr_statements_number(statements, sql, (size_t)size);
  }
  assert_ptr_equal(orr_statements_sql(statements, first), kept); /* texts do not move */
  for (int i = 0; i < 10000; i++) {
    int size = snprintf(sql, sizeof sql, "SELECT %d,", i);
    assert_string_equal(orr_statements_sql(statements, orr_statements_number(statements, sql, (size_t)size)),
                        sql);
  }
  assert_null(orr_statements_sql(statements, 10002));
  assert_null(orr_statements_sql(statements, -1));
  orr_statements_destroy(statements);
  orr_statements_destroy(NULL);
}

struct asker {
  struct orr_statements *statements;
  int numbers[2000];
};

static void *ask_all(void *data) {
  struct asker *asker = data;
  char sql[32];
  for (int i = 0; i < 2000; i++)
    asker->numbers[i] =
        orr_statements_number(asker->statements, sql, (size_t)snprintf(sql, sizeof sql, "%d", i));
  return NULL;
}

static void threads_agree(void **state) {
  (void)state;
  static struct asker askers[8];
  pthread_t threads[8];
  struct orr_statements *statements = orr_statements_create();
  for (size_t i = 0; i < COUNT(askers); i++) {
    askers[i].statements = statements;
    pthread_create(&threads[i], NULL, ask_all, &askers[i]);
  }
  for (size_t i = 0; i < COUNT(askers); i++) pthread_join(threads[i], NULL);
  for (size_t i = 1; i < COUNT(askers); i++)
    assert_memory_equal(askers[i].numbers, askers[0].numbers, sizeof askers[0].numbers);
  char seen[2000] = {0};
  for (int i = 0; i < 2000; i++) assert_int_equal(seen[askers[0].numbers[i]]++, 0);
  orr_statements_destroy(statements);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_text_has_the_same_number),
      cmocka_unit_test(threads_agree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
