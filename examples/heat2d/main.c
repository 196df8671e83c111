/* heat2d: an example of what Orrery runs. It takes its parameters as arguments, tells its progress on stdout,
   and leaves results.json, whose members become columns of the sweep's table, and a picture. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "measure.h"
#include "options.h"
#include "output.h"
#include "picture.h"

/* Of the jump between hot edge and ambient, for --check. */
static const double TOLERANCE = 1e-3;

static double clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Takes all the steps, with a line of progress for every tenth of them. */
static struct solver *solve(const struct options *options) {
  struct solver *solver =
      solver_create(&options->plate, options->grid, options->time / (double)options->steps);
  long tenths = 0;
  for (long step = 1; step <= options->steps; step++) {
    solver_step(solver);
    if (step * 10 / options->steps == tenths) continue;
    tenths = step * 10 / options->steps;
    printf("%3ld %%   time %8g s   center %8.3f K   mean %8.3f K\n", tenths * 10, solver_time(solver),
           measure_center(solver), measure_mean(solver));
  }
  return solver;
}

static int write_results(const struct options *options, const struct solver *solver, double series_error,
                         double seconds) {
  const struct plate *plate = &options->plate;
  struct output output;
  if (output_open(&output, options->output, "results.json") != 0) return -1;
  fprintf(output.file,
          "{\"conductivity\": %.10g, \"boundary\": %.10g, \"ambient\": %.10g, \"capacity\": %.10g",
          plate->conductivity, plate->boundary, plate->ambient, plate->capacity);
  fprintf(output.file, ", \"time\": %.10g, \"grid\": %d, \"steps\": %ld", options->time, options->grid,
          options->steps);
  fprintf(output.file, ", \"center_temperature\": %.10g, \"mean_temperature\": %.10g, \"heat_flux\": %.10g",
          measure_center(solver), measure_mean(solver), measure_heat_flux(solver, plate));
  fprintf(output.file, ", \"steady_state_error\": %.10g", measure_error(solver, plate, INFINITY));
  if (options->check) fprintf(output.file, ", \"series_error\": %.3g", series_error);
  fprintf(output.file, ", \"seconds\": %.3f}\n", seconds);
  return output_close(&output, true);
}

static int write_picture(const struct options *options, const struct solver *solver) {
  struct output output;
  if (output_open(&output, options->output, "temperature.png") != 0) return -1;
  return output_close(&output, picture_write(output.file, solver, &options->plate) == 0);
}

int main(int argc, char **argv) {
  struct options options;
  switch (options_parse(&options, argc, argv)) {
  case OPTIONS_RUN: break;
  case OPTIONS_HELP: return 0;
  case OPTIONS_BAD: return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0); /* progress is followed from a file */
  printf("heat2d: %g W/(m K), hot edge %g K, %d x %d grid, %ld steps of %g s\n", options.plate.conductivity,
         options.plate.boundary, options.grid, options.grid, options.steps,
         options.time / (double)options.steps);

  double began = clock_seconds(), series_error = 0;
  struct solver *solver = solve(&options);
  double seconds = clock_seconds() - began;
  int failed = 0;
  if (options.check) {
    series_error = measure_error(solver, &options.plate, options.time);
    failed = series_error > TOLERANCE * (options.plate.boundary - options.plate.ambient);
    printf("check: %.3g K from the exact solution, %s\n", series_error, failed ? "too far" : "near enough");
  }
  if (write_picture(&options, solver) != 0) failed = 1;
  if (write_results(&options, solver, series_error, seconds) != 0) failed = 1;
  if (!failed)
    printf("results.json and temperature.png are in %s; solved in %.2f s\n", options.output, seconds);
  solver_destroy(solver);
  return failed;
}
