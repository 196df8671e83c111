#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* A broken installation; nothing can be checked. */
static void need(bool done) {
  if (done) return;
  fprintf(stderr, "orrery: libcrypto offers no SHA-256\n");
  abort();
}

void orr_sha256(const void *bytes, size_t size, unsigned char out[ORR_SHA256_SIZE]) {
  need(EVP_Digest(bytes, size, out, NULL, EVP_sha256(), NULL) == 1);
}

void orr_sha256_keyed(const void *key, size_t key_size, const void *bytes, size_t size,
                      unsigned char out[ORR_SHA256_SIZE]) {
  need(HMAC(EVP_sha256(), key, (int)key_size, bytes, size, out, NULL) != NULL);
}

void orr_sha256_text(const void *bytes, size_t size, char out[ORR_SHA256_TEXT]) {
  static const char hex[] = "0123456789abcdef";
  unsigned char digest[ORR_SHA256_SIZE];
  orr_sha256(bytes, size, digest);
  for (size_t i = 0; i < sizeof digest; i++) {
    out[2 * i] = hex[digest[i] >> 4];
    out[2 * i + 1] = hex[digest[i] & 15];
  }
  out[ORR_SHA256_TEXT - 1] = 0;
}

void orr_base64_put(struct orr_buf *out, const void *bytes, size_t size) {
  char *at = orr_buf_reserve(out, (size + 2) / 3 * 4 + 1); /* libcrypto adds a NUL */
  out->size += (size_t)EVP_EncodeBlock((unsigned char *)at, bytes, (int)size);
}

/* libcrypto counts the padding as bytes and overlooks spaces, so what it read is written again and compared. */
int orr_base64_read(struct orr_buf *out, const char *text, size_t size) {
  struct orr_buf again = {0};
  if (size % 4 != 0) return ORR_INVALID;
  if (size == 0) return ORR_OK;
  char *at = orr_buf_reserve(out, size / 4 * 3);
  int got = EVP_DecodeBlock((unsigned char *)at, (const unsigned char *)text, (int)size);
  if (got < 0) return ORR_INVALID;
  size_t bytes = (size_t)got - (text[size - 1] == '=') - (text[size - 2] == '=');
  orr_base64_put(&again, at, bytes);
  bool same = again.size == size && memcmp(again.data, text, size) == 0;
  orr_buf_free(&again);
  if (same) out->size += bytes;
  return same ? ORR_OK : ORR_INVALID;
}
