/* Where the program's own files lie, seen from the running executable, never from the current directory:
     an installed prefix  PREFIX/bin/orrery, PREFIX/share/orrery/{lua,migrations}, PREFIX/lib/orrery/schedulers
     a build tree         BUILD/orrery, BUILD/share/{lua,migrations} (links into the source), BUILD/schedulers */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/server.h"

static char *join(const char *folder, const char *rest) {
  struct orr_buf path = {0};
  orr_buf_printf(&path, "%s/%s", folder, rest);
  orr_buf_text(&path);
  return path.data;
}

int orr_paths_find(struct orr_paths *paths, struct orr_err *err) {
  char self[PATH_MAX], share[PATH_MAX], *schedulers;
  ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
  if (size < 0) return orr_fail(err, ORR_IO, "cannot read /proc/self/exe: is /proc mounted?");
  self[size] = 0;
  *strrchr(self, '/') = 0;
  char *built = join(self, "share/lua"), *installed = join(self, "../share/orrery");
  if (access(built, R_OK) == 0) {
    strcpy(share, self);
    strcat(share, "/share");
    schedulers = join(self, "schedulers");
  } else if (realpath(installed, share)) {
    schedulers = join(self, "../lib/orrery/schedulers");
  } else {
    orr_fail(err, ORR_NOT_FOUND, "neither %s nor %s is there: this executable was moved away from its files",
             built, installed);
    schedulers = NULL;
  }
  free(built);
  free(installed);
  if (!schedulers) return ORR_NOT_FOUND;
  *paths = (struct orr_paths){join(share, "lua"), join(share, "migrations"), schedulers};
  return ORR_OK;
}

void orr_paths_free(struct orr_paths *paths) {
  free(paths->lua);
  free(paths->migrations);
  free(paths->schedulers);
}
