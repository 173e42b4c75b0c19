/* call_set.c: the argument of -e. */
#include "call_set.h"

#include <errno.h>
#include <string.h>

void call_set_all(struct call_set *set)
{
    for (int call = 0; call < CALL_COUNT; call++)
        set->calls[call] = true;
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static bool is_process_call(enum call call)
{
    enum effect effect = call_info(call)->effect;
    return effect == EFFECT_EXEC || effect == EFFECT_CLONE || effect == EFFECT_EXIT;
}

/* Set every call that the word stands for; false when it stands for none. */
static bool add_word(struct call_set *set, const char *word, size_t length, bool value)
{
    if (length && word[0] == '%') {
        word++;
        length--;
    }
    bool all = is_word(word, length, "all"), process = is_word(word, length, "process");
    bool memory = is_word(word, length, "memory");
    if (is_word(word, length, "none"))
        return true;
    if (all || process || memory) {
        for (int call = CALL_NONE + 1; call < CALL_COUNT; call++)
            if (all || process == is_process_call((enum call)call))
                set->calls[call] = value;
        return true;
    }
    enum call call = call_by_name(word, length);
    if (call == CALL_NONE)
        return false;
    set->calls[call] = value;
    return true;
}

int call_set_parse(const char *text, struct call_set *ret_set, const char **ret_word, size_t *ret_length)
{
    struct call_set set = {0};
    if (strncmp(text, "trace=", 6) == 0)
        text += 6;
    bool value = *text != '!';
    if (!value) {
        text++;
        call_set_all(&set);
    }
    while (*text) {
        size_t length = strcspn(text, ",");
        if (length && !add_word(&set, text, length, value)) {
            *ret_word = text;
            *ret_length = length;
            return -EINVAL;
        }
        text += length + (text[length] == ',');
    }
    *ret_set = set;
    return 0;
}
