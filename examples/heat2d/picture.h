/* The plate as a picture: temperatures in colour, ten steps of isotherms, and a scale in kelvin beside them.
 */
#pragma once
#include <stdio.h>

#include "solver.h"

/* Writes a PNG. Returns 0, or -1 when the file did not take it. */
int picture_write(FILE *file, const struct solver *solver, const struct plate *plate);
