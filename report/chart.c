/* chart.c: small charts of text. */
#include "chart.h"

#include "units.h"

#include <string.h>

static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const ascii[] = {" ", ".", ",", "-", "~", "=", "+", "*", "#"};
enum { LEVELS = 9 };

void chart_row(struct buffer *out, const uint64_t *values, unsigned columns, uint64_t top, bool utf8)
{
    const char *const *levels = utf8 ? blocks : ascii;
    for (unsigned i = 0; i < columns; i++) {
        /* Anything at all is seen: only 0 is blank. */
        uint64_t level = values[i] && top ? 1 + (uint64_t)((double)values[i] / (double)top * (LEVELS - 1.5)) : 0;
        buffer_string(out, levels[level < LEVELS ? level : LEVELS - 1]);
    }
}

void chart_axis(struct buffer *out, unsigned columns, uint64_t ticks)
{
    enum { MARKS = 4 };
    unsigned at = 0;
    for (unsigned mark = 0; mark < MARKS; mark++) {
        char text[UNITS_MAX];
        units_duration(text, sizeof(text), ticks * mark / (MARKS - 1));
        unsigned width = (unsigned)strlen(text), place = columns * mark / (MARKS - 1);
        /* The first mark begins at its place, the last ends there, the others stand around it. */
        place -= mark == MARKS - 1 ? width : mark ? width / 2 : 0;
        for (; at < place; at++)
            buffer_char(out, ' ');
        buffer_string(out, text);
        at += width;
    }
}
