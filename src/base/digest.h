/* SHA-256, of libcrypto: what is recorded or compared by content (migrations, tokens), or signed (webhooks), goes through
   here; and Base64, in which keys and signatures are written. */
#pragma once
#include <stddef.h>

#include "base/buf.h"

enum { ORR_SHA256_SIZE = 32, ORR_SHA256_TEXT = 65 }; /* bytes; hexadecimal digits and a NUL */

void orr_sha256(const void *bytes, size_t size, unsigned char out[ORR_SHA256_SIZE]);
void orr_sha256_text(const void *bytes, size_t size, char out[ORR_SHA256_TEXT]); /* in lower-case hex */

/* The keyed digest (HMAC, RFC 2104). */
void orr_sha256_keyed(const void *key, size_t key_size, const void *bytes, size_t size,
                      unsigned char out[ORR_SHA256_SIZE]);

/* Base64 with its padding (RFC 4648, section 4), appended. Reading takes nothing else: 0 | ORR_INVALID. */
void orr_base64_put(struct orr_buf *out, const void *bytes, size_t size);
int orr_base64_read(struct orr_buf *out, const char *text, size_t size);
