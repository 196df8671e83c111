#include "store/filesystem.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/alloc.h"

/* Numbers from statfs(2) and the kernels' magic.h; the newer ones are missing in libc's headers. */
static const struct {
  unsigned long magic;
  const char *name;
} refused[] = {
    {0x6969, "NFS"},
    {0x517b, "SMB"},
    {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB2"},
    {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"},
    {0x19830326, "BeeGFS"},
    {0x00c36400, "Ceph"},
    {0xaad7aaea, "PanFS"},
    {0x20030528, "OrangeFS"},
    {0x01161970, "GFS2"},
    {0x7461636f, "OCFS2"},
    {0x5346414f, "AFS"},
    {0x6b414653, "AFS"},
    {0x73757245, "Coda"},
    {0x01021997, "9P"},
    {0x786f4256, "a VirtualBox shared folder"},
    {0x65735546, "FUSE (sshfs, GlusterFS, …)"},
};

const char *orr_filesystem_refused(unsigned long magic) {
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (refused[i].magic == magic) return refused[i].name;
  return NULL;
}

char *orr_filesystem_folder(const char *path) {
  char *copy = orr_strdup(path), *folder = orr_strdup(dirname(copy));
  free(copy);
  return folder;
}

int orr_filesystem_check(const char *path, struct orr_err *err) {
  char *folder = orr_filesystem_folder(path);
  struct statfs about;
  int code = ORR_OK;
  if (statfs(folder, &about) != 0) {
    code = orr_fail(err, ORR_IO, "cannot use the folder %s for the database: %s", folder, strerror(errno));
  } else {
    const char *name = orr_filesystem_refused((unsigned long)about.f_type & 0xffffffff);
    if (name)
      code =
          orr_fail(err, ORR_INVALID,
                   "the database cannot be kept in %s: the folder is on %s, where locks and syncs of several "
                   "machines do not hold what a database needs; put it on a disk of this machine",
                   folder, name);
  }
  free(folder);
  return code;
}
