/* One function does the work: half_step, implicit along the columns, explicit along the rows. It leaves the
   plate transposed, so that the next half-step treats the other direction and a whole step restores the
   order. Inner loops run over contiguous rows, which the compiler turns into vector instructions. */
#include "solver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAMPED_STEPS = 2 };

struct solver {
  int grid;
  long steps; /* taken so far */
  double step;
  double mu;       /* diffusivity * half a step / spacing^2 */
  double *now;     /* (grid + 1)^2 temperatures, row j after row j */
  double *next;    /* what half_step writes; its frame is that of `now`, transposed */
  double *reduced; /* the columns' equations, eliminated row by row */
  double *factor;  /* of the elimination, the same for every column */
};

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (!memory) {
    fprintf(stderr, "heat2d: there is not enough memory for this grid\n");
    exit(1);
  }
  return memory;
}

/* Where node (i, j) is in `now`. */
static size_t index_of(const struct solver *solver, int i, int j) {
  return (size_t)j * ((size_t)solver->grid + 1) + (size_t)i;
}

/* Edges never change afterwards. `next` gets the same ones, transposed. */
static void set_edge(struct solver *solver, int i, int j, double kelvin) {
  solver->now[index_of(solver, i, j)] = solver->next[index_of(solver, j, i)] = kelvin;
}

struct solver *solver_create(const struct plate *plate, int grid, double step) {
  size_t width = (size_t)grid + 1;
  struct solver *solver = allocate(1, sizeof *solver);
  solver->grid = grid;
  solver->step = step;
  solver->mu = plate_diffusivity(plate) * step / 2 * grid * grid;
  solver->now = allocate(width * width, sizeof(double));
  solver->next = allocate(width * width, sizeof(double));
  solver->reduced = allocate(width * width, sizeof(double));
  solver->factor = allocate(width, sizeof(double));

  for (size_t node = 0; node < width * width; node++) solver->now[node] = solver->next[node] = plate->ambient;
  for (int i = 1; i < grid; i++) set_edge(solver, i, grid, plate->boundary);
  /* A corner belongs to two edges; no equation reads it, but means and pictures do. */
  set_edge(solver, 0, grid, (plate->ambient + plate->boundary) / 2);
  set_edge(solver, grid, grid, (plate->ambient + plate->boundary) / 2);

  for (int j = 1; j < grid; j++)
    solver->factor[j] = solver->mu / (1 + 2 * solver->mu - solver->mu * solver->factor[j - 1]);
  return solver;
}

void solver_destroy(struct solver *solver) {
  if (!solver) return;
  free(solver->now);
  free(solver->next);
  free(solver->reduced);
  free(solver->factor);
  free(solver);
}

/* Solves, for every inner node, with r = row, c = column neighbours,

     u' - mu (c1' - 2u' + c2') = u + explicit_mu (r1 - 2u + r2)

   where `explicit_mu` is mu in a Peaceman-Rachford half-step and 0 in an implicit Euler one. */
static void half_step(struct solver *solver, double explicit_mu) {
  int grid = solver->grid;
  size_t width = (size_t)grid + 1;
  double mu = solver->mu;

  memcpy(solver->reduced, solver->now, width * sizeof(double)); /* the edge that elimination starts from */
  for (int j = 1; j < grid; j++) {
    const double *row = solver->now + (size_t)j * width;
    const double *before = solver->reduced + (size_t)(j - 1) * width;
    double *reduced = solver->reduced + (size_t)j * width;
    double factor = solver->factor[j], scale = factor / mu;
    for (int i = 1; i < grid; i++) {
      double known = row[i] + explicit_mu * (row[i - 1] - 2 * row[i] + row[i + 1]);
      reduced[i] = scale * known + factor * before[i];
    }
  }
  const double *after = solver->now + (size_t)grid * width; /* the edge that substitution starts from */
  for (int j = grid - 1; j > 0; j--) {
    double *row = solver->reduced + (size_t)j * width;
    double factor = solver->factor[j];
    for (int i = 1; i < grid; i++) {
      row[i] += factor * after[i];
      solver->next[(size_t)i * width + j] = row[i];
    }
    after = row;
  }
  double *swap = solver->now;
  solver->now = solver->next;
  solver->next = swap;
}

void solver_step(struct solver *solver) {
  if (solver->steps < DAMPED_STEPS) {
    for (int sweep = 0; sweep < 4; sweep++) half_step(solver, 0);
  } else {
    half_step(solver, solver->mu);
    half_step(solver, solver->mu);
  }
  solver->steps++;
}

int solver_grid(const struct solver *solver) { return solver->grid; }

double solver_time(const struct solver *solver) { return (double)solver->steps * solver->step; }

double solver_get(const struct solver *solver, int i, int j) { return solver->now[index_of(solver, i, j)]; }

void solver_set(struct solver *solver, int i, int j, double kelvin) {
  if (i > 0 && j > 0 && i < solver->grid && j < solver->grid) solver->now[index_of(solver, i, j)] = kelvin;
}
