/* Finite differences in space, alternating directions in time: the Peaceman-Rachford scheme, of second order
   in both and stable for every step.

   The hot edge meets the cold plate as a jump, and Peaceman-Rachford, like Crank-Nicolson, lets the sharpest
   part of a jump ring for long. The first two steps are therefore made of implicit Euler half-steps, which
   damp it and cost no order (Rannacher's start).

   Nodes are numbered i along x and j along y, 0 to `grid`, `1 / grid` metres apart. */
#pragma once
#include "plate.h"

struct solver;

/* `grid` is at least 2, `step` in seconds. Exits when there is not enough memory. */
struct solver *solver_create(const struct plate *plate, int grid, double step);
void solver_destroy(struct solver *solver);

void solver_step(struct solver *solver);

int solver_grid(const struct solver *solver);
double solver_time(const struct solver *solver); /* seconds since the start */

/* Kelvin. Setting is for starts other than a cold plate; the edges stay as they are. */
double solver_get(const struct solver *solver, int i, int j);
void solver_set(struct solver *solver, int i, int j, double kelvin);
