#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

void orr_sha256(const void *bytes, size_t size, unsigned char out[ORR_SHA256_SIZE]) {
  if (EVP_Digest(bytes, size, out, NULL, EVP_sha256(), NULL) == 1) return;
  fprintf(stderr,
          "orrery: libcrypto offers no SHA-256\n"); /* a broken installation; nothing can be checked */
  abort();
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
