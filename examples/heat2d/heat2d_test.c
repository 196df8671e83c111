/* The solver against mathematics, the program against its promises. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "colour.h"
#include "measure.h"
#include "series.h"

static const struct plate PLATE = {.conductivity = 200, .capacity = 3.4e6, .ambient = 300, .boundary = 400};

static struct solver *solve(int grid, int steps, double time) {
  struct solver *solver = solver_create(&PLATE, grid, time / steps);
  for (int step = 0; step < steps; step++) solver_step(solver);
  return solver;
}

/* Errors at 1, 1/2, 1/4, ... of the mesh or step width must fall by 4 each time. */
static void assert_second_order(const double *error, int count) {
  for (int i = 1; i < count; i++) {
    double order = log2(error[i - 1] / error[i]);
    if (order < 1.8 || order > 2.3)
      fail_msg("order %.3f between errors %g and %g", order, error[i - 1], error[i]);
  }
}

static void converges_to_the_series_at_second_order(void **state) {
  (void)state;
  static const double TIMES[] = {100, 600, 3600};
  for (int t = 0; t < 3; t++) {
    double error[4];
    for (int i = 0, grid = 16; i < 4; i++, grid *= 2) {
      struct solver *solver = solve(grid, grid, TIMES[t]);
      error[i] = measure_error(solver, &PLATE, TIMES[t]);
      solver_destroy(solver);
    }
    assert_second_order(error, 4);
  }
}

/* Between the middle and the hot edge, where long steps would ring without the damped start. */
static void converges_in_time_beside_the_hot_edge(void **state) {
  (void)state;
  double error[3] = {0}, time = 600;
  for (int i = 0, steps = 8, grid = 256; i < 3; i++, steps *= 2) {
    struct solver *solver = solve(grid, steps, time);
    for (int j = grid / 2; j <= grid * 15 / 16; j++) {
      double exact = series_temperature(&PLATE, 0.5, (double)j / grid, time);
      error[i] = fmax(error[i], fabs(solver_get(solver, grid / 2, j) - exact));
    }
    solver_destroy(solver);
  }
  assert_second_order(error, 3);
}

/* sin(pi x) sin(pi y) is an eigenfunction of the difference equations, too: each sweep multiplies it by a
   known number, so the whole run can be foretold to the last digits. */
static void a_mode_decays_by_the_scheme_s_own_factor(void **state) {
  (void)state;
  enum { GRID = 40, STEPS = 25 };
  struct plate cold = PLATE;
  cold.boundary = cold.ambient;
  double step = 60;
  struct solver *solver = solver_create(&cold, GRID, step);
  for (int j = 1; j < GRID; j++)
    for (int i = 1; i < GRID; i++)
      solver_set(solver, i, j, cold.ambient + 50 * sin(M_PI * i / GRID) * sin(M_PI * j / GRID));
  for (int k = 0; k < STEPS; k++) solver_step(solver);

  double a = plate_diffusivity(&cold) * step * GRID * GRID * (1 - cos(M_PI / GRID));
  double factor = pow(1 + a, -8) * pow((1 - a) / (1 + a), 2 * (STEPS - 2));
  for (int j = 1; j < GRID; j++) {
    for (int i = 1; i < GRID; i++) {
      double foretold = cold.ambient + 50 * factor * sin(M_PI * i / GRID) * sin(M_PI * j / GRID);
      assert_true(fabs(solver_get(solver, i, j) - foretold) < 1e-10);
    }
  }
  solver_destroy(solver);
}

static void left_and_right_are_mirror_images(void **state) {
  (void)state;
  struct solver *solver = solve(64, 50, 900);
  for (int j = 0; j <= 64; j++)
    for (int i = 0; i < 32; i++)
      assert_true(fabs(solver_get(solver, i, j) - solver_get(solver, 64 - i, j)) < 1e-9);
  solver_destroy(solver);
}

/* Four plates, each with another edge hot, add up to one that is hot all over: each gives its center a
 * quarter. */
static void the_steady_center_is_a_quarter_hot(void **state) {
  (void)state;
  double quarter = PLATE.ambient + (PLATE.boundary - PLATE.ambient) / 4;
  struct solver *solver = solve(32, 2000, 200000);
  assert_true(fabs(measure_center(solver) - quarter) < 1e-9);
  solver_destroy(solver);
  assert_true(fabs(series_temperature(&PLATE, 0.5, 0.5, INFINITY) - quarter) < 1e-12);
}

static void what_flows_out_converges_to_the_series(void **state) {
  (void)state;
  double error[3];
  for (int i = 0, grid = 16; i < 3; i++, grid *= 2) {
    struct solver *solver = solve(grid, 2000, 100000);
    error[i] = fabs(measure_heat_flux(solver, &PLATE) - series_heat_flux(&PLATE));
    solver_destroy(solver);
  }
  assert_second_order(error, 3);
}

static void hotter_is_lighter(void **state) {
  (void)state;
  double darker = -1;
  for (int i = 0; i <= 100; i++) {
    struct colour colour = colour_of_heat(i / 100.0);
    double luminance =
        0.2126 * pow(colour.red, 2.2) + 0.7152 * pow(colour.green, 2.2) + 0.0722 * pow(colour.blue, 2.2);
    assert_true(luminance > darker);
    darker = luminance;
  }
}

/* --- the program --- */

/* Runs heat2d quietly with `arguments`; returns its exit status. */
static int run(const char *arguments) {
  char command[512];
  snprintf(command, sizeof command, "'%s' %s >/dev/null 2>&1", HEAT2D, arguments);
  int status = system(command);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The number of that name in a flat JSON object of numbers; the test fails if it is anything else. */
static double number_in(const char *json, const char *wanted) {
  double found = NAN, value;
  char name[64], delimiter = 0;
  int length = 0;
  assert_int_equal(*json++, '{');
  while (sscanf(json, " \"%63[^\"]\": %lf%c%n", name, &value, &delimiter, &length) == 3) {
    if (strcmp(name, wanted) == 0) found = value;
    json += length;
    if (delimiter != ',') break;
  }
  assert_int_equal(delimiter, '}');
  assert_string_equal(json, "\n");
  assert_false(isnan(found));
  return found;
}

static void leaves_results_and_a_picture(void **state) {
  (void)state;
  char folder[] = "/tmp/heat2d-test.XXXXXX", path[64], arguments[128], content[2048] = "";
  assert_non_null(mkdtemp(folder));
  snprintf(arguments, sizeof arguments, "--grid 32 --steps 40 --boundary 350 --check --output %s", folder);
  assert_int_equal(run(arguments), 0);

  snprintf(path, sizeof path, "%s/results.json", folder);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_true(fread(content, 1, sizeof content - 1, file) > 0);
  fclose(file);
  unlink(path);
  assert_true(number_in(content, "boundary") == 350);
  assert_true(number_in(content, "steps") == 40);
  assert_true(number_in(content, "center_temperature") > 300);
  assert_true(number_in(content, "series_error") < 0.05);

  snprintf(path, sizeof path, "%s/temperature.png", folder);
  file = fopen(path, "r");
  assert_non_null(file);
  assert_int_equal(fread(content, 1, 8, file), 8);
  fclose(file);
  unlink(path);
  assert_memory_equal(content, "\x89PNG\r\n\x1a\n", 8);
  assert_int_equal(rmdir(folder), 0); /* and nothing else */
}

static void refuses_what_it_cannot_run(void **state) {
  (void)state;
  static const char *const BAD[] = {"--heat 3",   "--grid 9",  "--grid 4",       "--steps 1.5", "--time",
                                    "--time nan", "--time 0x", "--boundary 200", "--time -1",   "extra"};
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
    if (run(BAD[i]) != 2) fail_msg("heat2d %s did not exit with 2", BAD[i]);
  assert_int_equal(run("--help"), 0);
  assert_int_equal(run("--grid 8 --steps 1 --output /nowhere/at/all"), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(converges_to_the_series_at_second_order),
      cmocka_unit_test(converges_in_time_beside_the_hot_edge),
      cmocka_unit_test(a_mode_decays_by_the_scheme_s_own_factor),
      cmocka_unit_test(left_and_right_are_mirror_images),
      cmocka_unit_test(the_steady_center_is_a_quarter_hot),
      cmocka_unit_test(what_flows_out_converges_to_the_series),
      cmocka_unit_test(hotter_is_lighter),
      cmocka_unit_test(leaves_results_and_a_picture),
      cmocka_unit_test(refuses_what_it_cannot_run),
  };
  return cmocka_run_group_tests_name("heat2d", tests, NULL, NULL);
}
