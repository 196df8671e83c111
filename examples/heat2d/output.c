/* Written under another name, flushed to the disk, then renamed. */
#include "output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int fail(const struct output *output) {
  fprintf(stderr, "heat2d: cannot write %s: %s\n", output->path, strerror(errno));
  return -1;
}

int output_open(struct output *output, const char *directory, const char *name) {
  snprintf(output->path, sizeof output->path, "%s/%s", directory, name);
  if (snprintf(output->part, sizeof output->part, "%s/.%s.part", directory, name) >= PATH_MAX) {
    errno = ENAMETOOLONG;
    return fail(output);
  }
  output->file = fopen(output->part, "w");
  return output->file ? 0 : fail(output);
}

int output_close(struct output *output, bool complete) {
  complete =
      complete && fflush(output->file) == 0 && !ferror(output->file) && fsync(fileno(output->file)) == 0;
  if (fclose(output->file) == 0 && complete && rename(output->part, output->path) == 0) return 0;
  fail(output);
  unlink(output->part);
  return -1;
}
