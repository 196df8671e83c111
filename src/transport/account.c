/* What may be the name of an account. */
#include <ctype.h>
#include <string.h>

#include "transport/transport.h"

enum { LONGEST = 64 };

bool orr_is_account(const char *text) {
  size_t size = strlen(text);
  if (size == 0 || size > LONGEST || strcmp(text, "root") == 0) return false;
  if (!isalpha((unsigned char)*text) && *text != '_') return false;
  if (size > 1 && text[size - 1] == '$') size--; /* as those of machines end */
  return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == size;
}
