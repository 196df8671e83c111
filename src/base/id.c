#include "base/id.h"

#include "base/clock.h"

static const uint64_t TAIL_MASK = (UINT64_C(1) << 62) - 1;

void orr_ids_init(struct orr_ids *ids, uint64_t tail, int64_t newest) {
  ids->tail = tail & TAIL_MASK;
  atomic_store(&ids->last, newest);
}

int64_t orr_id_range(struct orr_ids *ids, int64_t count) {
  int64_t now = orr_wall_ms() << 12, last = atomic_load(&ids->last), first;
  do first = last + 1 > now ? last + 1 : now;
  while (!atomic_compare_exchange_weak(&ids->last, &last, first + count - 1));
  return first;
}

static const char hex[] = "0123456789abcdef";

void orr_id_text(const struct orr_ids *ids, int64_t key, char out[ORR_ID_TEXT]) {
  uint64_t high = ((uint64_t)key >> 12 << 16) | 0x7000 | ((uint64_t)key & 0xfff);
  uint64_t low = (UINT64_C(2) << 62) | ids->tail;
  char *at = out;
  for (int nibble = 0; nibble < 32; nibble++) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) *at++ = '-';
    uint64_t half = nibble < 16 ? high : low;
    *at++ = hex[half >> (60 - 4 * (nibble & 15)) & 15];
  }
  *at = 0;
}

static int nibble_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool orr_id_parse(const struct orr_ids *ids, const char *text, size_t size, int64_t *key) {
  if (size != ORR_ID_TEXT - 1) return false;
  uint64_t half[2] = {0, 0};
  for (int i = 0, nibble = 0; i < 36; i++) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i] != '-') return false;
      continue;
    }
    int value = nibble_of(text[i]);
    if (value < 0) return false;
    half[nibble / 16] = half[nibble / 16] << 4 | (uint64_t)value;
    nibble++;
  }
  if ((half[0] >> 12 & 15) != 7 || half[1] != ((UINT64_C(2) << 62) | ids->tail)) return false;
  if (half[0] >> 63) return false; /* past the year 6429: not a key of ours */
  *key = (int64_t)(half[0] >> 16 << 12 | (half[0] & 0xfff));
  return true;
}
