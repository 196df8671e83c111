/* The exact temperature of the plate, by separation of variables: what the solver is measured against. */
#pragma once
#include "plate.h"

/* Kelvin at (x, y) in metres, inside the plate, `time` seconds after the start; INFINITY gives the steady
 * state. */
double series_temperature(const struct plate *plate, double x, double y, double time);

/* W/m2: the steady flow of heat out of the lower edge (y = 0), averaged over it. */
double series_heat_flux(const struct plate *plate);
