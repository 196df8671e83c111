/* The colour map of the picture: dark violet, red, orange, pale yellow. */
#pragma once

struct colour {
  unsigned char red, green, blue;
};

/* The colour of a share from 0 (cold) to 1 (hot); anything beyond is cut off. */
struct colour colour_of_heat(double share);

/* `share` of `over` laid on `under`. */
struct colour colour_mix(struct colour under, struct colour over, double share);
