#include "base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_DEPTH = 64 }; /* each level holds a descriptor; what is deeper is moved up first */

struct tree {
  int top;        /* its own folder */
  unsigned moved; /* folders that were moved up into it */
};

static int empty(struct tree *tree, int fd, int depth);

/* A job may have made its folders unreadable. */
static void make_accessible(int parent, const char *name) {
  fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW);
}

/* Moves a folder up into the top one, under a name that is not taken. Returns 0 or errno. */
static int move_up(struct tree *tree, int parent, const char *name) {
  char free_name[32];
  make_accessible(parent, name); /* its ".." changes, for which it must be writable */
  do {
    snprintf(free_name, sizeof free_name, "moved-up-%u", tree->moved++);
    if (renameat(parent, name, tree->top, free_name) == 0 || errno == ENOENT) return 0;
  } while (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR);
  return errno;
}

/* Empties and removes `name` in the folder `parent`; the top one once more for as long as others were moved up into it.
   Returns 0 or errno. */
static int remove_entry(struct tree *tree, int parent, const char *name, int depth) {
  for (;;) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return 0;
    if (errno != EISDIR && errno != EPERM) return errno;
    if (depth == MOST_DEPTH) return move_up(tree, parent, name);
    unsigned moved = tree->moved;
    make_accessible(parent, name);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? 0 : errno;
    if (depth == 0) tree->top = fd;
    int why = empty(tree, fd, depth);
    if (why || unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return why;
    if (depth > 0 || tree->moved == moved) return errno;
  }
}

/* Closes `fd` as well. */
static int empty(struct tree *tree, int fd, int depth) {
  DIR *folder = fdopendir(fd);
  int why = 0;
  for (struct dirent *item; (item = readdir(folder)) && why == 0;)
    if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
      why = remove_entry(tree, fd, item->d_name, depth + 1);
  closedir(folder);
  return why;
}

int orr_tree_remove(const char *path, struct orr_err *err) {
  struct tree tree = {.top = -1};
  int why = remove_entry(&tree, AT_FDCWD, path, 0);
  if (why) return orr_fail(err, ORR_IO, "cannot remove %s: %s", path, strerror(why));
  return ORR_OK;
}
