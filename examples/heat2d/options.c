/* One table describes the numbers: their names, help, standard values and limits. */
#include "options.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONDUCTIVITY, BOUNDARY, AMBIENT, CAPACITY, TIME, GRID, STEPS, NUMBERS };

static const struct number {
  const char *name, *argument, *help;
  double standard, low, high;
  double multiple; /* of what it must be; 0: any */
} NUMBER[NUMBERS] = {
    [CONDUCTIVITY] = {"--conductivity", "K", "of the plate, in W/(m K)", 200, 1e-3, 1e5, 0},
    [BOUNDARY] = {"--boundary", "T", "temperature of the hot edge, in kelvin", 400, 1, 1e5, 0},
    [AMBIENT] = {"--ambient", "T", "temperature of the other edges and at the start, in kelvin", 300, 1, 1e5,
                 0},
    [CAPACITY] = {"--capacity", "C", "heat capacity by volume, in J/(m3 K)", 3.4e6, 1, 1e9, 0},
    [TIME] = {"--time", "S", "time to simulate, in seconds", 3600, 1e-6, 1e12, 0},
    [GRID] = {"--grid", "N", "intervals along an edge, an even number", 320, 8, 2048, 2},
    [STEPS] = {"--steps", "N", "steps in time", 1000, 1, 1e9, 1},
};

static void print_help(void) {
  printf("usage: heat2d [options]\n\n"
         "Heat spreading through a square metal plate, 1 m x 1 m, whose upper edge is kept hot.\n"
         "Leaves results.json and temperature.png.\n\n");
  for (const struct number *number = NUMBER; number < NUMBER + NUMBERS; number++)
    printf("  %-14s %-4s %s (%g)\n", number->name, number->argument, number->help, number->standard);
  printf("  --output       DIR  where the two files go (.)\n"
         "  --check             compare with the exact solution; exit 1 if they differ by more than 0.1 %%\n"
         "  --help              this text\n");
}

__attribute__((format(printf, 1, 2))) static enum options_answer bad(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("heat2d: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return OPTIONS_BAD;
}

static enum options_answer parse_number(const struct number *number, const char *text, double *value) {
  char *end;
  *value = strtod(text, &end);
  if (end == text || *end || !isfinite(*value))
    return bad("%s wants a number, \"%s\" is none", number->name, text);
  if (*value < number->low || *value > number->high)
    return bad("%s must be from %g to %g, not %s", number->name, number->low, number->high, text);
  if (number->multiple > 0 && fmod(*value, number->multiple) != 0)
    return bad("%s must be %s number, not %s", number->name, number->multiple == 2 ? "an even" : "a whole",
               text);
  return OPTIONS_RUN;
}

enum options_answer options_parse(struct options *options, int argc, char **argv) {
  double value[NUMBERS];
  for (int i = 0; i < NUMBERS; i++) value[i] = NUMBER[i].standard;
  *options = (struct options){.output = "."};

  for (int at = 1; at < argc; at++) {
    const char *name = argv[at];
    int number = 0;
    while (number < NUMBERS && strcmp(name, NUMBER[number].name) != 0) number++;
    if (strcmp(name, "--help") == 0) return print_help(), OPTIONS_HELP;
    if (strcmp(name, "--check") == 0) {
      options->check = true;
    } else if (number == NUMBERS && strcmp(name, "--output") != 0) {
      return bad("there is no option \"%s\"; --help lists them", name);
    } else if (++at == argc) {
      return bad("%s wants a value after it", name);
    } else if (number == NUMBERS) {
      options->output = argv[at];
    } else if (parse_number(&NUMBER[number], argv[at], &value[number]) == OPTIONS_BAD) {
      return OPTIONS_BAD;
    }
  }
  if (value[BOUNDARY] <= value[AMBIENT])
    return bad("--boundary, %g K, must be above --ambient, %g K: it is the hot edge", value[BOUNDARY],
               value[AMBIENT]);
  options->plate = (struct plate){.conductivity = value[CONDUCTIVITY],
                                  .capacity = value[CAPACITY],
                                  .ambient = value[AMBIENT],
                                  .boundary = value[BOUNDARY]};
  options->time = value[TIME];
  options->grid = (int)value[GRID];
  options->steps = (long)value[STEPS];
  return OPTIONS_RUN;
}
