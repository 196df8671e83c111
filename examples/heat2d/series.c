/* With the jump = boundary - ambient, the steady state is

     jump sum over odd n of  4 / (n pi)  sin(n pi x)  sinh(n pi y) / sinh(n pi)

   and the transient on top of it is the same function expanded in sin(n pi x) sin(m pi y), each term decaying
   by exp(-diffusivity pi^2 (n^2 + m^2) time). Sums end where a term no longer changes a double. */
#include "series.h"

#include <math.h>

static const double NEGLIGIBLE = 40; /* exp(-40) is 4e-18 */

/* sinh(n pi y) / sinh(n pi), without overflow for large n. */
static double rise(double n, double y) {
  return exp(-n * M_PI * (1 - y)) * -expm1(-2 * n * M_PI * y) / -expm1(-2 * n * M_PI);
}

static double steady(double x, double y) {
  double sum = 0;
  for (int n = 1; n * M_PI * (1 - y) < NEGLIGIBLE; n += 2)
    sum += 4 / (n * M_PI) * sin(n * M_PI * x) * rise(n, y);
  return sum;
}

/* `age` is diffusivity * time, in m2. */
static double transient(double x, double y, double age) {
  double limit = NEGLIGIBLE / (M_PI * M_PI * age), sum = 0;
  for (double n = 1; n * n < limit; n += 2) {
    double column = 0, sign = 1;
    for (double m = 1; n * n + m * m < limit; m++, sign = -sign)
      column += sign * m / (n * n + m * m) * sin(m * M_PI * y) * exp(-M_PI * M_PI * (n * n + m * m) * age);
    sum += 8 / (n * M_PI * M_PI) * sin(n * M_PI * x) * column;
  }
  return sum;
}

double series_temperature(const struct plate *plate, double x, double y, double time) {
  if (time <= 0) return plate->ambient;
  double share = steady(x, y);
  if (!isinf(time)) share -= transient(x, y, plate_diffusivity(plate) * time);
  return plate->ambient + (plate->boundary - plate->ambient) * share;
}

double series_heat_flux(const struct plate *plate) {
  double sum = 0;
  for (int n = 1; n * M_PI < NEGLIGIBLE; n += 2) sum += 8 / (n * M_PI * sinh(n * M_PI));
  return plate->conductivity * (plate->boundary - plate->ambient) * sum;
}
