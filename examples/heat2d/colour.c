/* A path through OKLab, a colour space in which equal distances look equally far apart. Lightness rises in
   proportion to the share, so that the map reads the same in grey and to the colour-blind; only hue and
   saturation are taste. */
#include "colour.h"

#include <math.h>

/* Linear light to the sRGB curve, 0 to 255. */
static unsigned char encode(double light) {
  if (light <= 0) return 0;
  if (light >= 1) return 255;
  double value = light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055;
  return (unsigned char)lround(255 * value);
}

static double cube(double x) { return x * x * x; }

/* OKLab to sRGB, with Bjorn Ottosson's published matrices. */
static struct colour from_oklab(double lightness, double a, double b) {
  double l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b);
  double m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b);
  double s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
  return (struct colour){encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
                         encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
                         encode(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

struct colour colour_of_heat(double share) {
  double t = fmin(fmax(share, 0), 1);
  double lightness = 0.16 + 0.81 * t;
  double hue = (-75 + 185 * t) * M_PI / 180;
  double saturation = 0.055 + 0.13 * sin(M_PI * t); /* as much as sRGB has everywhere on the path */
  return from_oklab(lightness, saturation * cos(hue), saturation * sin(hue));
}

struct colour colour_mix(struct colour under, struct colour over, double share) {
  return (struct colour){(unsigned char)lround(under.red + share * (over.red - under.red)),
                         (unsigned char)lround(under.green + share * (over.green - under.green)),
                         (unsigned char)lround(under.blue + share * (over.blue - under.blue))};
}
