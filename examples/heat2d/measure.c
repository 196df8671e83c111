/* Sums over the grid; the formulas are those of the trapezoidal rule and of one-sided differences. */
#include "measure.h"

#include <math.h>

#include "series.h"

double measure_center(const struct solver *solver) {
  return solver_get(solver, solver_grid(solver) / 2, solver_grid(solver) / 2);
}

/* The trapezoidal rule: a node on an edge counts half, in a corner a quarter. */
double measure_mean(const struct solver *solver) {
  int grid = solver_grid(solver);
  double sum = 0;
  for (int j = 0; j <= grid; j++) {
    double row = 0;
    for (int i = 0; i <= grid; i++) row += solver_get(solver, i, j) * (i == 0 || i == grid ? 0.5 : 1);
    sum += row * (j == 0 || j == grid ? 0.5 : 1);
  }
  return sum / grid / grid;
}

/* The gradient at the edge from its three nearest nodes, exact for a parabola; integrated by the trapezoidal
   rule, whose two ends are 0. */
double measure_heat_flux(const struct solver *solver, const struct plate *plate) {
  int grid = solver_grid(solver);
  double sum = 0;
  for (int i = 1; i < grid; i++)
    sum +=
        (-3 * solver_get(solver, i, 0) + 4 * solver_get(solver, i, 1) - solver_get(solver, i, 2)) / 2 * grid;
  return plate->conductivity * sum / grid;
}

double measure_error(const struct solver *solver, const struct plate *plate, double time) {
  int grid = solver_grid(solver), stride = grid >= 32 ? grid / 32 : 1, count = 0;
  double sum = 0;
  for (int j = (grid + 3) / 4; j <= grid - grid / 4; j += stride) {
    for (int i = (grid + 3) / 4; i <= grid - grid / 4; i += stride, count++) {
      double exact = series_temperature(plate, (double)i / grid, (double)j / grid, time);
      sum += pow(solver_get(solver, i, j) - exact, 2);
    }
  }
  return sqrt(sum / count);
}
