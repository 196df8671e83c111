/* Files beneath a folder: a path given by a user is resolved inside a folder and cannot leave it, neither by
   ".." nor by a link that leads out, nor by a rename in between. */
#pragma once
#include <stdbool.h>

#include "base/err.h"

/* The folder is `own` beneath `base`. Whoever may write in `own` might put a link in its place, so none is followed
   there; `base` is resolved as any path. `own` may be NULL: the folder is `base`. */
struct orr_place {
  const char *base, *own;
};

/* Opens `path` (relative; "" is the folder itself) with open(2)'s flags. Returns a descriptor or a code: ORR_NOT_FOUND,
   ORR_INVALID (it would leave the folder), ORR_IO. */
int orr_open_beneath(const struct orr_place *place, const char *path, int flags, struct orr_err *err);

/* Makes an empty file at `path` in a place of our own, with the folders that it needs, following no link; one that is
   there is as good. ORR_CONFLICT: there is something else. */
int orr_make_beneath(const struct orr_place *place, const char *path, struct orr_err *err);

/* Opens the folder that `path` lies in, as a mere place (O_PATH), and says what is behind its last slash. With `make` the
   folders that it needs are made, the place's own among them. A descriptor or a code; ORR_CONFLICT: a file stands in
   the way. */
int orr_folder_beneath(const struct orr_place *place, const char *path, bool make, const char **name,
                       struct orr_err *err);

/* Whether what is open lies in a folder (absolute, without links), or is it. */
bool orr_lies_in(int fd, const char *folder);
