/* SHA-256, of libcrypto: what is recorded or compared by content (migrations, tokens) goes through here. */
#pragma once
#include <stddef.h>

enum { ORR_SHA256_SIZE = 32, ORR_SHA256_TEXT = 65 }; /* bytes; hexadecimal digits and a NUL */

void orr_sha256(const void *bytes, size_t size, unsigned char out[ORR_SHA256_SIZE]);
void orr_sha256_text(const void *bytes, size_t size, char out[ORR_SHA256_TEXT]); /* in lower-case hex */
