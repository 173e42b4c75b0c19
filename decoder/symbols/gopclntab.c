/* gopclntab.c: functions and lines of Go programs. */
#include "gopclntab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum version { GO_1_2, GO_1_16, GO_1_18 };

enum {
    MAGIC_1_2 = -5,
    MAGIC_1_16 = -6,
    MAGIC_1_18 = -16,
    MAGIC_1_20 = -15,
    HEADER = 8,
    /* Fields of a function's entry, counted in 32-bit words after its start address. */
    FIELD_NAME = 0,
    FIELD_FILE = 4, /* table of file numbers */
    FIELD_LINE = 5, /* table of line numbers */
    FIELD_UNIT = 7, /* where the unit's file numbers begin; since 1.16 */
    MAX_STEPS = 1 << 20,
};

/* A part of the table: from an offset to the end of all. */
struct part {
    const unsigned char *bytes;
    size_t size;
};

struct gopclntab {
    enum version version;
    unsigned pointer; /* bytes of an address: 4 or 8 */
    unsigned quantum; /* bytes that a pc difference counts in */
    uint64_t count;   /* functions */
    uint64_t text;
    struct part names, units, files, tables, functions;
    struct names *kept;
};

/* ---- numbers within a part; what lies outside reads as failure ---- */

static bool get(struct part part, uint64_t offset, unsigned width, uint64_t *ret_value)
{
    if (offset > part.size || width > part.size - offset)
        return false;
    uint64_t value = 0;
    for (unsigned i = width; i-- > 0;)
        value = value << 8 | part.bytes[offset + i];
    *ret_value = value;
    return true;
}

static bool get_varint(struct part part, size_t *at, uint32_t *ret_value)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35 && *at < part.size; shift += 7) {
        unsigned char byte = part.bytes[(*at)++];
        value |= (uint32_t)(byte & 0x7f) << (shift < 32 ? shift : 31);
        if (!(byte & 0x80)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static struct text string_at(struct part part, uint64_t offset)
{
    if (offset >= part.size)
        return (struct text){NULL, 0};
    const char *start = (const char *)part.bytes + offset;
    size_t most = part.size - offset < TRACE_MAX_TEXT ? part.size - offset : TRACE_MAX_TEXT;
    return (struct text){start, strnlen(start, most)};
}

/* ---- the header ---- */

static bool part_at(struct part whole, uint64_t offset, struct part *ret_part)
{
    if (offset > whole.size)
        return false;
    *ret_part = (struct part){whole.bytes + offset, whole.size - offset};
    return true;
}

/* The word number `index` of the header as the offset of a part. */
static bool header_part(const struct gopclntab *table, struct part whole, unsigned index, struct part *ret_part)
{
    uint64_t offset;
    return get(whole, HEADER + (uint64_t)index * table->pointer, table->pointer, &offset) &&
           part_at(whole, offset, ret_part);
}

/* Up to 1.15: all offsets count from the start, and the table of functions follows the header. */
static bool read_header_1_2(struct gopclntab *table, struct part whole)
{
    uint64_t files;
    table->names = table->tables = whole;
    return part_at(whole, HEADER + table->pointer, &table->functions) && table->count < whole.size &&
           get(table->functions, (table->count * 2 + 1) * table->pointer, 4, &files) &&
           part_at(whole, files, &table->files);
}

/* Since 1.16: the header holds where each part begins; since 1.18 also where the code does. */
static bool read_header_1_16(struct gopclntab *table, struct part whole, uint64_t text)
{
    unsigned first = 2;
    if (table->version == GO_1_18) {
        if (!get(whole, HEADER + (uint64_t)first++ * table->pointer, table->pointer, &table->text))
            return false;
        if (!table->text)
            table->text = text;
    }
    return header_part(table, whole, first, &table->names) && header_part(table, whole, first + 1, &table->units) &&
           header_part(table, whole, first + 2, &table->files) &&
           header_part(table, whole, first + 3, &table->tables) &&
           header_part(table, whole, first + 4, &table->functions);
}

static bool read_version(struct gopclntab *table, struct part whole)
{
    uint64_t magic;
    if (whole.size < HEADER || !get(whole, 0, 4, &magic) || whole.bytes[4] || whole.bytes[5])
        return false;
    switch ((int32_t)magic) {
    case MAGIC_1_2:
        table->version = GO_1_2;
        break;
    case MAGIC_1_16:
        table->version = GO_1_16;
        break;
    case MAGIC_1_18:
    case MAGIC_1_20:
        table->version = GO_1_18;
        break;
    default:
        return false;
    }
    table->quantum = whole.bytes[6];
    table->pointer = whole.bytes[7];
    return table->quantum && (table->pointer == 4 || table->pointer == 8);
}

/* Bytes of each of the two fields of an entry in the table of functions. */
static unsigned field_width(const struct gopclntab *table)
{
    return table->version == GO_1_18 ? 4 : table->pointer;
}

static bool read_header(struct gopclntab *table, struct part whole, uint64_t text)
{
    if (!read_version(table, whole) || !get(whole, HEADER, table->pointer, &table->count))
        return false;
    bool sound = table->version == GO_1_2 ? read_header_1_2(table, whole) : read_header_1_16(table, whole, text);
    /* One entry for each function, and the end of the last one. */
    return sound && table->count && table->count < table->functions.size / (2 * field_width(table));
}

int gopclntab_new(const struct gopclntab_source *source, struct names *names, struct gopclntab **ret_table)
{
    struct gopclntab *table = calloc(1, sizeof(*table));
    if (!table)
        return -ENOMEM;
    table->kept = names;
    if (!read_header(table, (struct part){source->bytes, source->size}, source->text)) {
        free(table);
        return -ENOEXEC;
    }
    *ret_table = table;
    return 0;
}

void gopclntab_free(struct gopclntab *table)
{
    free(table);
}

/* ---- one address ---- */

/* Start address of a function; of number `count` it is the end of the last one. */
static uint64_t start_of(const struct gopclntab *table, uint64_t index)
{
    unsigned width = field_width(table);
    uint64_t start = 0;
    get(table->functions, index * 2 * width, width, &start);
    return table->version == GO_1_18 ? table->text + start : start;
}

/* False when the address lies outside of all. */
static bool find(const struct gopclntab *table, uint64_t address, uint64_t *ret_index)
{
    uint64_t low = 0, high = table->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (start_of(table, middle) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address >= start_of(table, low))
        return false;
    *ret_index = low - 1;
    return true;
}

/* A 32-bit field of a function's own record. */
static bool field(const struct gopclntab *table, uint64_t index, unsigned number, uint32_t *ret_value)
{
    unsigned width = field_width(table);
    uint64_t record, value;
    struct part base = table->version == GO_1_2 ? table->names : table->functions;
    if (!get(table->functions, (index * 2 + 1) * width, width, &record) || record > base.size ||
        !get(base, record + width + number * 4, 4, &value))
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

/* The value that a table of (difference of value, difference of pc) pairs has `distance` bytes behind the start. */
static bool value_at(const struct gopclntab *table, uint32_t offset, uint64_t distance, int32_t *ret_value)
{
    size_t at = offset;
    uint64_t reached = 0;
    uint32_t value = UINT32_MAX, difference; /* begins as -1 */
    for (int step = 0; step < MAX_STEPS; step++) {
        uint32_t advance;
        if (!get_varint(table->tables, &at, &difference) || (difference == 0 && step > 0) ||
            !get_varint(table->tables, &at, &advance))
            return false;
        value += (difference >> 1) ^ -(difference & 1);
        reached += (uint64_t)advance * table->quantum;
        if (distance < reached) {
            *ret_value = (int32_t)value;
            return true;
        }
    }
    return false;
}

static struct text file_name(const struct gopclntab *table, uint64_t index, int32_t number)
{
    uint64_t offset;
    uint32_t unit;
    struct text none = {NULL, 0};
    if (number < 0)
        return none;
    if (table->version == GO_1_2)
        return get(table->files, (uint64_t)number * 4, 4, &offset) ? string_at(table->names, offset) : none;
    if (!field(table, index, FIELD_UNIT, &unit) ||
        !get(table->units, ((uint64_t)unit + (uint32_t)number) * 4, 4, &offset))
        return none;
    return string_at(table->files, offset);
}

int gopclntab_lookup(struct gopclntab *table, uint64_t address, struct gopclntab_place *ret_place)
{
    struct gopclntab_place place = {0};
    uint64_t index;
    uint32_t name, tables;
    int32_t number;
    if (!find(table, address, &index) || !field(table, index, FIELD_NAME, &name))
        return 0;
    place.offset = address - start_of(table, index);
    if (field(table, index, FIELD_LINE, &tables) && value_at(table, tables, place.offset, &number) && number > 0)
        place.line = (uint32_t)number;
    struct text file = {NULL, 0};
    if (field(table, index, FIELD_FILE, &tables) && value_at(table, tables, place.offset, &number))
        file = file_name(table, index, number);
    int result = names_keep(table->kept, string_at(table->names, name), &place.function);
    if (result == 0)
        result = names_keep(table->kept, file, &place.file);
    if (result < 0)
        return result;
    *ret_place = place;
    return 1;
}
