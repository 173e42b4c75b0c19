/*
 * json.h: write JSON piece by piece into a buffer, with the commas in the right places.
 *
 *     struct json json;
 *     json_begin(&json, &buffer);
 *     json_object_open(&json);
 *     json_key(&json, "id");
 *     json_unsigned(&json, 12);
 *     json_object_close(&json);        {"id":12}
 *
 * The caller pairs open and close, and gives a key before each value of an object.  No white space is
 * written.  Failure is the buffer's `failed`.
 */
#ifndef BRKWATER_JSON_H
#define BRKWATER_JSON_H

#include "buffer.h"
#include "../tracer/trace.h"

struct json {
    struct buffer *out;
    bool comma; /* what is next in the innermost object or array needs a comma before it */
};

/* Start a value at the end of `out`, which stays the caller's. */
void json_begin(struct json *json, struct buffer *out);

void json_object_open(struct json *json);
void json_object_close(struct json *json);
void json_array_open(struct json *json);
void json_array_close(struct json *json);
void json_key(struct json *json, const char *key);

/* A string of any bytes, as escape_json() writes it. */
void json_text(struct json *json, struct text text);
void json_string(struct json *json, const char *string);

void json_unsigned(struct json *json, uint64_t value);
void json_signed(struct json *json, int64_t value);

/* An address or bit set as a string in hex: "0x7f1c3a1cd000", "0x0". */
void json_hex(struct json *json, uint64_t value);

/* value / 10^decimals, always with all decimals: (1234, 6) is 0.001234. */
void json_decimal(struct json *json, uint64_t value, unsigned decimals);

void json_bool(struct json *json, bool value);
void json_null(struct json *json);

/* Members of an object: a key, and a number, an address as by json_hex(), true or false, seconds from ticks of 100 ns
 * with six decimals; and a number that is null when it is 0, or a text that is null when it is empty. */
void json_put_number(struct json *json, const char *key, uint64_t value);
void json_put_hex(struct json *json, const char *key, uint64_t value);
void json_put_bool(struct json *json, const char *key, bool value);
void json_put_time(struct json *json, const char *key, uint64_t ticks);
void json_put_optional(struct json *json, const char *key, uint64_t value);
void json_put_words(struct json *json, const char *key, const struct buffer *text);

#endif
