/* UTF-8: how long the well-formed sequence at `text` is (1 to 4), or 0 where there is none. Overlong forms,
   surrogates and code points past U+10FFFF are not well-formed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

size_t orr_utf8_length(const unsigned char *text, size_t size);
bool orr_utf8_valid(const char *text, size_t size);
