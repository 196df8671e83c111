/* A shell reads what stands between { and } before it begins: half a script is a mistake in it, and does nothing. The marks
   tell what the script has to say from what the login has, and that it began and how it ended. */
#include "transport/script.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "transport/errand.h"

void orr_mark_new(char out[ORR_MARK_ROOM]) {
  unsigned long long words[2] = {0};
  if (getrandom(words, sizeof words, 0) != (ssize_t)sizeof words) words[0] = (unsigned long long)(size_t)out;
  snprintf(out, ORR_MARK_ROOM, "orrery-%016llx%016llx", words[0], words[1]);
}

static void put_quoted(struct orr_buf *into, const char *text) {
  orr_buf_putc(into, '\'');
  for (; *text; text++)
    if (*text == '\'')
      ORR_BUF_LIT(into, "'\\''");
    else
      orr_buf_putc(into, *text);
  orr_buf_putc(into, '\'');
}

/* What is no variable is left out. */
static void put_variables(struct orr_buf *into, char *const *list) {
  static const char name[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  for (; list && *list; list++) {
    size_t size = strspn(*list, name);
    if (size == 0 || (*list)[size] != '=' || strchr("0123456789", **list)) continue;
    orr_buf_put(into, *list, size + 1);
    put_quoted(into, *list + size + 1);
    ORR_BUF_LIT(into, "; export ");
    orr_buf_put(into, *list, size);
    orr_buf_putc(into, '\n');
  }
}

static void put_input(struct orr_buf *into, const struct orr_errand_command *command) {
  char mark[ORR_MARK_ROOM];
  orr_mark_new(mark);
  orr_buf_printf(into, "exec \"$@\" <<'%s'\n", mark);
  orr_buf_put(into, command->input, command->input_size);
  if (command->input[command->input_size - 1] != '\n') orr_buf_putc(into, '\n');
  orr_buf_printf(into, "%s\n", mark);
}

void orr_errand_command_put(struct orr_buf *into, const struct orr_errand_command *command) {
  put_variables(into, command->environment);
  ORR_BUF_LIT(into, "cd -- ");
  put_quoted(into, command->directory);
  ORR_BUF_LIT(into, " || exit 126\nset --");
  for (char *const *word = command->argv; *word; word++) {
    orr_buf_putc(into, ' ');
    put_quoted(into, *word);
  }
  orr_buf_printf(into, "\nif command -v timeout >/dev/null; then set -- timeout -k 5 %lld \"$@\"; fi\n",
                 (command->timeout_ms + 999) / 1000);
  if (command->input_size)
    put_input(into, command);
  else
    ORR_BUF_LIT(into, "exec \"$@\" </dev/null\n");
}

void orr_script_wrap(struct orr_buf *into, const char *script, size_t size, const char *mark) {
  orr_buf_printf(into, "{\necho %s\necho %s >&2\n(\n", mark, mark);
  orr_buf_put(into, script, size);
  orr_buf_printf(into, "\n)\necho %s $? >&2\n}\n", mark);
}

static void put_base64(struct orr_buf *into, const unsigned char *bytes, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < size; i += 3) {
    unsigned three = (unsigned)bytes[i] << 16;
    if (i + 1 < size) three |= (unsigned)bytes[i + 1] << 8;
    if (i + 2 < size) three |= bytes[i + 2];
    orr_buf_putc(into, digits[three >> 18]);
    orr_buf_putc(into, digits[three >> 12 & 63]);
    orr_buf_putc(into, i + 1 < size ? digits[three >> 6 & 63] : '=');
    orr_buf_putc(into, i + 2 < size ? digits[three & 63] : '=');
  }
}

void orr_script_as_word(struct orr_buf *into, const struct orr_buf *script) {
  ORR_BUF_LIT(into, "eval \"$(echo ");
  put_base64(into, (const unsigned char *)script->data, script->size);
  ORR_BUF_LIT(into, " | base64 -d)\"");
}

static char *find(const struct orr_buf *text, const char *mark) {
  return text->size ? memmem(text->data, text->size, mark, strlen(mark)) : NULL;
}

bool orr_script_cut_front(struct orr_buf *text, const char *mark) {
  char *at = find(text, mark);
  size_t upto = at ? (size_t)(at - text->data) + strlen(mark) + 1 : 0;
  if (!at || upto > text->size) return false;
  orr_buf_drop(text, upto);
  return true;
}

int orr_script_cut_end(struct orr_buf *errors, const char *mark) {
  char *at = find(errors, mark);
  int code;
  if (!at || sscanf(orr_buf_text(errors) + (at - errors->data) + strlen(mark), " %d", &code) != 1) return -1;
  errors->size = (size_t)(at - errors->data);
  return code;
}
