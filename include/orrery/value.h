/* Values: the data that crosses the plug-in contract. A value is null, a boolean, an integer, a number, a
   text, a list or a map with text keys. Values are opaque and read through these functions, so that the
   contract can grow; all of them accept NULL, which reads as null, so that a chain of look-ups needs no
   checks between.

   Values given to a plug-in are valid until the verb they came with returns. Values that a plug-in makes
   belong to the call they were made from (see plugin.h) and are freed with it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORRERY_API __attribute__((visibility("default")))

struct orrery_value;

enum orrery_kind { ORRERY_NULL, ORRERY_BOOL, ORRERY_INT, ORRERY_REAL, ORRERY_TEXT, ORRERY_LIST, ORRERY_MAP };

ORRERY_API enum orrery_kind orrery_kind(const struct orrery_value *value);

/* Scalars; `otherwise` is returned where the value is absent or of another kind. An integer reads as a real,
   too. */
ORRERY_API bool orrery_bool(const struct orrery_value *value, bool otherwise);
ORRERY_API int64_t orrery_int(const struct orrery_value *value, int64_t otherwise);
ORRERY_API double orrery_real(const struct orrery_value *value, double otherwise);
/* NUL-terminated UTF-8; `size` (may be NULL) receives its length in bytes. */
ORRERY_API const char *orrery_text(const struct orrery_value *value, size_t *size, const char *otherwise);

/* Lists and maps: how many members, the i-th member, the i-th key (maps only), the member of a key. */
ORRERY_API size_t orrery_count(const struct orrery_value *value);
ORRERY_API const struct orrery_value *orrery_at(const struct orrery_value *value, size_t i);
ORRERY_API const char *orrery_key_at(const struct orrery_value *map, size_t i);
/* The member at a path of keys separated by dots: orrery_get(job, "resources.memory"). */
ORRERY_API const struct orrery_value *orrery_get(const struct orrery_value *map, const char *path);

/* Building. A map or list is grown in place; each setter copies what it is given. */
ORRERY_API void orrery_set_bool(struct orrery_value *map, const char *key, bool value);
ORRERY_API void orrery_set_int(struct orrery_value *map, const char *key, int64_t value);
ORRERY_API void orrery_set_real(struct orrery_value *map, const char *key, double value);
ORRERY_API void orrery_set_text(struct orrery_value *map, const char *key, const char *text);
ORRERY_API struct orrery_value *orrery_set_map(struct orrery_value *map,
                                               const char *key); /* a new, empty map */
ORRERY_API struct orrery_value *orrery_set_list(struct orrery_value *map,
                                                const char *key); /* a new, empty list */
ORRERY_API void orrery_add_int(struct orrery_value *list, int64_t value);
ORRERY_API void orrery_add_text(struct orrery_value *list, const char *text);
ORRERY_API struct orrery_value *orrery_add_map(struct orrery_value *list);

#ifdef __cplusplus
}
#endif
