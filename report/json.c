/*
 * json.c: write JSON piece by piece.
 *
 * No stack of what is open is needed: after anything that was opened, and after a key, no comma is due; after
 * a value, a closed object or a closed array (which are values of what is around them) one is.
 */
#include "json.h"

#include "escape.h"
#include "units.h"

void json_begin(struct json *json, struct buffer *out)
{
    *json = (struct json){.out = out};
}

/* Before every value and every key. */
static void begin_item(struct json *json)
{
    if (json->comma)
        buffer_char(json->out, ',');
    json->comma = true;
}

static void open_with(struct json *json, char bracket)
{
    begin_item(json);
    buffer_char(json->out, bracket);
    json->comma = false;
}

static void close_with(struct json *json, char bracket)
{
    buffer_char(json->out, bracket);
    json->comma = true;
}

void json_object_open(struct json *json)
{
    open_with(json, '{');
}

void json_object_close(struct json *json)
{
    close_with(json, '}');
}

void json_array_open(struct json *json)
{
    open_with(json, '[');
}

void json_array_close(struct json *json)
{
    close_with(json, ']');
}

void json_key(struct json *json, const char *key)
{
    json_string(json, key);
    buffer_char(json->out, ':');
    json->comma = false;
}

void json_text(struct json *json, struct text text)
{
    begin_item(json);
    escape_json(json->out, text);
}

void json_string(struct json *json, const char *string)
{
    json_text(json, escape_chars(string));
}

void json_unsigned(struct json *json, uint64_t value)
{
    begin_item(json);
    buffer_unsigned(json->out, value);
}

void json_signed(struct json *json, int64_t value)
{
    begin_item(json);
    buffer_signed(json->out, value);
}

void json_hex(struct json *json, uint64_t value)
{
    begin_item(json);
    buffer_char(json->out, '"');
    buffer_hex(json->out, value);
    buffer_char(json->out, '"');
}

void json_decimal(struct json *json, uint64_t value, unsigned decimals)
{
    begin_item(json);
    buffer_decimal(json->out, value, decimals);
}

void json_bool(struct json *json, bool value)
{
    begin_item(json);
    buffer_string(json->out, value ? "true" : "false");
}

void json_null(struct json *json)
{
    begin_item(json);
    buffer_string(json->out, "null");
}

void json_put_number(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_unsigned(j, value);
}

void json_put_hex(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_hex(j, value);
}

void json_put_bool(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_bool(j, value);
}

void json_put_time(struct json *j, const char *key, uint64_t ticks)
{
    json_key(j, key);
    json_decimal(j, units_microseconds(ticks), 6);
}

void json_put_optional(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    if (value)
        json_unsigned(j, value);
    else
        json_null(j);
}

void json_put_words(struct json *j, const char *key, const struct buffer *text)
{
    json_key(j, key);
    if (text->size)
        json_text(j, (struct text){text->data, text->size});
    else
        json_null(j);
}
