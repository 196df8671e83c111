/* Numbers in kelvin, drawn into a picture: the digits, the point, the K and the space are all it knows. */
#pragma once
#include "colour.h"

enum { LABEL_HEIGHT = 14 }; /* pixels */

/* Draws `text` into rows of `width` pixels, its upper left corner at (left, top); nothing at `right` and
 * beyond. */
void label_draw(struct colour *pixels, int width, int left, int top, int right, const char *text,
                struct colour ink);
