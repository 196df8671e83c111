/* The store from the inside: what its parts share. */
#pragma once
#include <stdatomic.h>

#include "base/log.h"
#include "store/statement.h"

struct orr_store {
  char *path;
  const struct orr_log *log;
  struct orr_statements *statements;
  struct orr_writer *writer;
  struct orr_checkpointer *checkpointer;
  atomic_ullong groups; /* stored so far; counted before they are answered, so that readers know of them */
};
