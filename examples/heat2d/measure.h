/* What is read off a solver's temperatures. */
#pragma once
#include "solver.h"

double measure_center(const struct solver *solver); /* K; the grid is even */
double measure_mean(const struct solver *solver);   /* K, over the whole plate */

/* W/m2 out of the lower edge, averaged over it. (Into the upper edge it would be infinite: the temperature
   jumps at its two corners.) */
double measure_heat_flux(const struct solver *solver, const struct plate *plate);

/* K: root mean square difference from the series at `time` (INFINITY: the steady state), over the middle of
   the plate, a quarter away from every edge. There the jumps at the corners do not spoil the scheme's order.
 */
double measure_error(const struct solver *solver, const struct plate *plate, double time);
