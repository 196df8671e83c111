#include "sched/modules.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

struct module {
  struct stat file; /* as it was when it was loaded */
  void *handle;
  struct module *next;
};

struct orr_modules {
  pthread_mutex_t lock;
  struct module *first;
};

struct orr_modules *orr_modules_create(void) {
  struct orr_modules *modules = orr_zalloc(sizeof *modules);
  pthread_mutex_init(&modules->lock, NULL);
  return modules;
}

void orr_modules_destroy(struct orr_modules *modules) {
  if (!modules) return;
  while (modules->first) {
    struct module *module = modules->first;
    modules->first = module->next;
    free(module);
  }
  pthread_mutex_destroy(&modules->lock);
  free(modules);
}

static bool same_time(struct timespec a, struct timespec b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
         same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

/* The loader maps what the headers promise, and the process would die of what is not there. */
static bool is_whole(int fd, off_t size) {
  ElfW(Ehdr) head;
  ElfW(Phdr) part;
  if (pread(fd, &head, sizeof head, 0) != sizeof head || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
    return true; /* no shared object at all: the loader says so */
  if (head.e_shoff + (size_t)head.e_shnum * head.e_shentsize > (size_t)size)
    return false; /* these come last */
  for (unsigned i = 0; i < head.e_phnum; i++) {
    off_t at = (off_t)(head.e_phoff + i * sizeof part);
    if (pread(fd, &part, sizeof part, at) != sizeof part) return false;
    if (part.p_type == PT_LOAD && part.p_filesz > 0 &&
        (part.p_offset > (size_t)size || part.p_filesz > (size_t)size - part.p_offset))
      return false;
  }
  return true;
}

/* A copy in memory, or -1. */
static int copy_of(int file, off_t size, const char *path, struct orr_err *err) {
  const char *slash = strrchr(path, '/');
  int copy = memfd_create(slash ? slash + 1 : path, MFD_CLOEXEC);
  if (copy < 0) {
    orr_fail(err, ORR_IO, "cannot load %s: no memory file for a copy: %s", path, strerror(errno));
    return -1;
  }
  off_t done = 0;
  while (done < size) {
    ssize_t count = sendfile(copy, file, &done, (size_t)(size - done));
    if (count <= 0) break;
  }
  if (done == size && is_whole(copy, size)) return copy;
  orr_fail(err, ORR_INVALID, "cannot load %s: it is not whole; is it being written?", path);
  close(copy);
  return -1;
}

/* The copy stays open: its number is the name under which the loader knows it, and must not become another's. */
static void *load(int copy, const char *path, struct orr_err *err) {
  char name[32];
  snprintf(name, sizeof name, "/proc/self/fd/%d", copy);
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (handle) return handle;
  const char *why = dlerror();
  if (strncmp(why, name, strlen(name)) == 0) why += strlen(name) + strlen(": ");
  orr_fail(err, ORR_INVALID, "cannot load %s: %s", path, why);
  close(copy);
  return NULL;
}

static void *load_locked(struct orr_modules *modules, int file, const char *path, struct orr_err *err) {
  struct stat now;
  if (fstat(file, &now) != 0 || !S_ISREG(now.st_mode)) {
    orr_fail(err, ORR_INVALID, "cannot load %s: it is no file", path);
    return NULL;
  }
  for (struct module *module = modules->first; module; module = module->next)
    if (same_file(&module->file, &now)) return module->handle;
  int copy = copy_of(file, now.st_size, path, err);
  void *handle = copy < 0 ? NULL : load(copy, path, err);
  if (!handle) return NULL;
  struct module *module = orr_alloc(sizeof *module);
  *module = (struct module){now, handle, modules->first};
  modules->first = module;
  return handle;
}

void *orr_modules_load(struct orr_modules *modules, const char *path, struct orr_err *err) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    orr_fail(err, ORR_INVALID, "cannot load %s: %s", path, strerror(errno));
    return NULL;
  }
  pthread_mutex_lock(&modules->lock);
  void *handle = load_locked(modules, file, path, err);
  pthread_mutex_unlock(&modules->lock);
  close(file);
  return handle;
}
