#include "base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_DEPTH = 128 }; /* each level holds a descriptor */

/* Empties and removes `name` in the folder `parent`. Returns 0 or errno. */
static int remove_entry(int parent, const char *name, int depth) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR && errno != EPERM) return errno;
  if (depth == MOST_DEPTH) return ELOOP;
  fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW); /* a job may have made it unreadable */
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? 0 : errno;
  DIR *folder = fdopendir(fd);
  int why = 0;
  for (struct dirent *item; (item = readdir(folder)) && why == 0;)
    if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
      why = remove_entry(fd, item->d_name, depth + 1);
  closedir(folder);
  if (why == 0 && unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) why = errno;
  return why;
}

int orr_tree_remove(const char *path, struct orr_err *err) {
  int why = remove_entry(AT_FDCWD, path, 0);
  if (why) return orr_fail(err, ORR_IO, "cannot remove %s: %s", path, strerror(why));
  return ORR_OK;
}
