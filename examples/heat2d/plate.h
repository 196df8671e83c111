/* The physical problem, in SI units: a square plate of 1 m x 1 m, at `ambient` everywhere when the clock
   starts. From then on its upper edge (y = 1) is kept at `boundary` and the three others at `ambient`:

     capacity dT/dt = conductivity (d2T/dx2 + d2T/dy2),  0 < x < 1,  0 < y < 1.

   Everything else in this folder takes a plate and works something out about it. */
#pragma once

struct plate {
  double conductivity; /* W/(m K): lead 35, iron 80, aluminium 237, copper 400 */
  double capacity;     /* J/(m3 K), density times specific heat: 2.4e6 to 3.6e6 for most metals */
  double ambient;      /* K */
  double boundary;     /* K */
};

/* Thermal diffusivity, m2/s. */
static inline double plate_diffusivity(const struct plate *plate) {
  return plate->conductivity / plate->capacity;
}
