/* units.c: numbers with a unit, written and read. */
#include "units.h"

#include "../tracer/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Products of a 64-bit number and a unit. */
__extension__ typedef unsigned __int128 wide;

/* A number of few digits: 1.25 is {125, 2}. */
struct digits {
    uint64_t value;
    unsigned decimals;
};

enum {
    TICKS_PER_US = 1000 / TRACE_NS_PER_TICK,
    TICKS_PER_MS = 1000 * TICKS_PER_US,
};

/* amount / unit to three significant digits (never fewer than those before the point), without the zeros at
 * the end that are not among the first `least` digits. */
static struct digits three_digits(uint64_t amount, uint64_t unit, unsigned least)
{
    uint64_t whole = amount / unit;
    struct digits digits = {.decimals = whole >= 100 ? 0 : whole >= 10 ? 1 : 2};
    wide scaled = (wide)amount * (digits.decimals == 2 ? 100 : digits.decimals == 1 ? 10 : 1);
    digits.value = (uint64_t)((scaled + unit / 2) / unit);

    uint64_t smallest = least > 1 ? 100 : 0; /* that has `least` digits when one is dropped */
    while (digits.decimals && digits.value % 10 == 0 && digits.value >= smallest) {
        digits.value /= 10;
        digits.decimals--;
    }
    return digits;
}

static int print_digits(char *buffer, size_t size, struct digits digits, const char *unit)
{
    static const uint64_t powers[] = {1, 10, 100};
    uint64_t power = powers[digits.decimals];
    if (!digits.decimals)
        return snprintf(buffer, size, "%" PRIu64 "%s", digits.value, unit);
    return snprintf(buffer, size, "%" PRIu64 ".%0*" PRIu64 "%s", digits.value / power, (int)digits.decimals,
                    digits.value % power, unit);
}

char *units_size(char *buffer, size_t size, uint64_t bytes)
{
    static const char *const names[] = {"", "K", "M", "G", "T", "P", "E"};
    enum { LAST = sizeof(names) / sizeof(names[0]) - 1 };

    if (bytes < 1024) {
        snprintf(buffer, size, "%" PRIu64, bytes);
        return buffer;
    }
    unsigned unit = 1;
    while (unit < LAST && bytes >> (10 * unit) >= 1024)
        unit++;
    struct digits digits = three_digits(bytes, UINT64_C(1) << (10 * unit), 2);
    if (digits.value == 1024 && !digits.decimals && unit < LAST) {
        digits = (struct digits){.value = 10, .decimals = 1}; /* 1023.9K is 1.0M */
        unit++;
    }
    print_digits(buffer, size, digits, names[unit]);
    return buffer;
}

char *units_count(char *buffer, size_t size, uint64_t count)
{
    char text[32];
    char *p = text + sizeof(text);
    *--p = '\0';
    for (unsigned n = 0; n == 0 || count; n++) {
        if (n && n % 3 == 0)
            *--p = ',';
        *--p = (char)('0' + count % 10);
        count /= 10;
    }
    snprintf(buffer, size, "%s", p);
    return buffer;
}

char *units_duration(char *buffer, size_t size, uint64_t ticks)
{
    static const struct {
        uint64_t ticks;
        const char *name;
    } units[] = {{TICKS_PER_US, " us"}, {TICKS_PER_MS, " ms"}, {TRACE_TICKS_PER_SECOND, " s"}};
    enum { SECONDS = sizeof(units) / sizeof(units[0]) - 1 };

    unsigned unit = ticks ? 0 : SECONDS;
    while (unit < SECONDS && ticks >= units[unit + 1].ticks)
        unit++;
    struct digits digits = three_digits(ticks, units[unit].ticks, 1);
    if (digits.value >= 1000 && !digits.decimals) {
        if (unit == SECONDS) {
            char seconds[UNITS_MAX];
            snprintf(buffer, size, "%s s", units_count(seconds, sizeof(seconds), digits.value));
            return buffer;
        }
        digits.value = 1; /* 999.9 ms is 1 s */
        unit++;
    }
    print_digits(buffer, size, digits, units[unit].name);
    return buffer;
}

uint64_t units_microseconds(uint64_t ticks)
{
    return ticks / TICKS_PER_US + (ticks % TICKS_PER_US >= TICKS_PER_US / 2);
}

char *units_seconds(char *buffer, size_t size, uint64_t ticks)
{
    uint64_t us = units_microseconds(ticks);
    snprintf(buffer, size, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
    return buffer;
}

/* A number as it was read: whole + billionths / 10^9. */
struct number {
    uint64_t whole, billionths;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read a number from *text and move *text behind it.  Decimals after the ninth are too small to count in any
 * unit. */
static int parse_number(const char **text, struct number *ret_number)
{
    struct number number = {0};
    const char *p = *text;
    if (!is_digit(*p))
        return -EINVAL;
    for (; is_digit(*p); p++)
        if (__builtin_mul_overflow(number.whole, 10, &number.whole) ||
            __builtin_add_overflow(number.whole, (uint64_t)(*p - '0'), &number.whole))
            return -ERANGE;
    if (*p == '.') {
        if (!is_digit(*++p))
            return -EINVAL;
        uint64_t place = 100000000;
        for (; is_digit(*p); p++, place /= 10)
            number.billionths += place * (uint64_t)(*p - '0');
    }
    *text = p;
    *ret_number = number;
    return 0;
}

/* number * multiply / divide. */
static int scale(struct number number, uint64_t multiply, uint64_t divide, uint64_t *ret_value)
{
    /* The whole part is below 2^64 and multiply at most 2^60: no overflow in 128 bits. */
    wide value = (wide)number.whole * multiply + (wide)number.billionths * multiply / 1000000000;
    value /= divide;
    if (value > UINT64_MAX)
        return -ERANGE;
    *ret_value = (uint64_t)value;
    return 0;
}

/* The power of two that a size's suffix stands for, -1 when it is none. */
static int suffix_shift(const char *suffix)
{
    static const char prefixes[] = "KMGTPEkmgtpe";
    int shift = 0;
    const char *prefix = *suffix ? strchr(prefixes, *suffix) : NULL;
    if (prefix) {
        shift = 10 * ((int)(prefix - prefixes) % 6 + 1);
        suffix++;
        if (*suffix == 'i' && suffix[1])
            suffix++;
    }
    if (*suffix == 'B' || *suffix == 'b')
        suffix++;
    return *suffix ? -1 : shift;
}

int units_parse_size(const char *text, uint64_t *ret_bytes)
{
    struct number number;
    int error = parse_number(&text, &number);
    if (error)
        return error;
    int shift = suffix_shift(text);
    return shift < 0 ? -EINVAL : scale(number, UINT64_C(1) << shift, 1, ret_bytes);
}

int units_parse_time(const char *text, uint64_t *ret_ticks)
{
    static const struct {
        const char *name;
        uint64_t multiply, divide;
    } units[] = {
        {"", TRACE_TICKS_PER_SECOND, 1}, {"s", TRACE_TICKS_PER_SECOND, 1}, {"ms", TICKS_PER_MS, 1},
        {"us", TICKS_PER_US, 1},         {"ns", 1, TRACE_NS_PER_TICK},
    };
    struct number number;
    int error = parse_number(&text, &number);
    if (error)
        return error;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(text, units[i].name) == 0)
            return scale(number, units[i].multiply, units[i].divide, ret_ticks);
    return -EINVAL;
}
