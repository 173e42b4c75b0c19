/* wording.c: printf into a buffer. */
#include "wording.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void say(struct buffer *out, const char *format, ...)
{
    char text[1024], *longer = NULL;
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (size >= (int)sizeof(text) && (longer = malloc((size_t)size + 1))) {
        va_start(args, format);
        vsnprintf(longer, (size_t)size + 1, format, args);
        va_end(args);
    }
    buffer_string(out, longer ? longer : text);
    free(longer);
}
