/* Every pixel is computed from the temperatures around its place; only then libpng sees them. */
#include "picture.h"

#include <math.h>
#include <png.h>
#include <stdlib.h>

#include "colour.h"
#include "label.h"

enum {
  SIDE = 512,  /* pixels of the plate's edge */
  MARGIN = 28, /* around everything */
  BAR_LEFT = MARGIN + SIDE + 28,
  BAR_WIDTH = 22,
  LABEL_LEFT = BAR_LEFT + BAR_WIDTH + 12,
  WIDTH = LABEL_LEFT + 84 + MARGIN,
  HEIGHT = MARGIN + SIDE + MARGIN,
  LEVELS = 10, /* steps between isotherms */
};

static const struct colour PAPER = {255, 255, 255}, INK = {60, 60, 66}, LINE = {255, 255, 255};

struct picture {
  const struct solver *solver;
  double cold, jump; /* K */
  struct colour pixels[HEIGHT][WIDTH];
};

/* The temperature at a place on the plate, in pixels from its lower left corner, as a share of the jump. */
static double share_at(const struct picture *picture, double px, double py) {
  int grid = solver_grid(picture->solver);
  double x = fmin(fmax(px / SIDE, 0), 1) * grid, y = fmin(fmax(py / SIDE, 0), 1) * grid;
  int i = (int)fmin(x, grid - 1), j = (int)fmin(y, grid - 1);
  double u = x - i, v = y - j;
  double low = (1 - u) * solver_get(picture->solver, i, j) + u * solver_get(picture->solver, i + 1, j);
  double high =
      (1 - u) * solver_get(picture->solver, i, j + 1) + u * solver_get(picture->solver, i + 1, j + 1);
  return ((1 - v) * low + v * high - picture->cold) / picture->jump;
}

/* How much of an isotherm there is at this place, 0 to 1: one pixel wide, smooth at its sides. */
static double isotherm_at(const struct picture *picture, double px, double py) {
  double share = share_at(picture, px, py);
  double level = round(share * LEVELS) / LEVELS;
  if (level <= 0 || level >= 1) return 0;
  double slope = hypot(share_at(picture, px + 1, py) - share_at(picture, px - 1, py),
                       share_at(picture, px, py + 1) - share_at(picture, px, py - 1)) /
                 2;
  return slope > 0 ? fmax(0, 1 - fabs(share - level) / slope) : 0;
}

static void draw_plate(struct picture *picture) {
  for (int row = 0; row < SIDE; row++) {
    for (int column = 0; column < SIDE; column++) {
      double px = column + 0.5, py = SIDE - row - 0.5;
      struct colour heat = colour_of_heat(share_at(picture, px, py));
      picture->pixels[MARGIN + row][MARGIN + column] =
          colour_mix(heat, LINE, 0.55 * isotherm_at(picture, px, py));
    }
  }
}

/* Labels every second isotherm. */
static void draw_scale(struct picture *picture) {
  for (int row = 0; row < SIDE; row++)
    for (int column = 0; column < BAR_WIDTH; column++)
      picture->pixels[MARGIN + row][BAR_LEFT + column] = colour_of_heat((SIDE - row - 0.5) / SIDE);
  for (int level = 0; level <= LEVELS; level++) {
    int row = MARGIN + (SIDE - 1) * (LEVELS - level) / LEVELS;
    int length = level % 2 ? 3 : 6;
    for (int column = 0; column < length; column++) picture->pixels[row][BAR_LEFT + BAR_WIDTH + column] = INK;
    if (level % 2) continue;
    char text[32];
    snprintf(text, sizeof text, "%.*f K", picture->jump < 20 ? 1 : 0,
             picture->cold + picture->jump * level / LEVELS);
    label_draw(&picture->pixels[0][0], WIDTH, LABEL_LEFT, row - LABEL_HEIGHT / 2, WIDTH, text, INK);
  }
}

static int write_png(FILE *file, struct picture *picture) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  int result = -1;
  if (info && !setjmp(png_jmpbuf(png))) { /* libpng reports its errors by jumping here */
    png_init_io(png, file);
    png_set_IHDR(png, info, WIDTH, HEIGHT, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
    png_write_info(png, info);
    for (int row = 0; row < HEIGHT; row++) png_write_row(png, (png_const_bytep)picture->pixels[row]);
    png_write_end(png, info);
    result = 0;
  }
  png_destroy_write_struct(&png, &info);
  return result;
}

int picture_write(FILE *file, const struct solver *solver, const struct plate *plate) {
  struct picture *picture = malloc(sizeof *picture);
  if (!picture) return -1;
  picture->solver = solver;
  picture->cold = plate->ambient;
  picture->jump = plate->boundary - plate->ambient;
  for (int row = 0; row < HEIGHT; row++)
    for (int column = 0; column < WIDTH; column++) picture->pixels[row][column] = PAPER;
  draw_plate(picture);
  draw_scale(picture);
  int result = write_png(file, picture);
  free(picture);
  return result;
}
