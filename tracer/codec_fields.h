/*
 * codec_fields.h: the codec's inside: what a codec keeps, and the fields that records are made of.
 *
 * Each function writes *value, or reads into it, as the codec does at the time; after the first failure of a record
 * nothing is read or written any more.
 */
#ifndef BRKWATER_CODEC_FIELDS_H
#define BRKWATER_CODEC_FIELDS_H

#include "trace.h"

/* What differences refer to; reset by REC_HEADER and REC_SYNC. */
struct deltas {
    uint64_t time, sequence, addr, length;
    uint32_t tid, pid, space, abi;
};

struct codec {
    /* Encoding: where bytes go. */
    unsigned char *out;
    size_t out_size, out_capacity;
    /* Decoding: where bytes come from. */
    const unsigned char *in, *in_end;
    bool reading;
    int error; /* first failure of the record at work: once set, nothing is read or written any more */

    struct deltas last;

    /* Storage of a decoded checkpoint. */
    struct rec_mapping *mappings;
    size_t mappings_capacity;
    /* And of the list of another record. */
    void *list;
    size_t list_capacity; /* bytes */
};

/* Room for so many more bytes; false, with the error set, without memory. */
bool codec_reserve(struct codec *codec, size_t size);

void codec_put_varint(struct codec *codec, uint64_t value);
uint64_t codec_get_varint(struct codec *codec);

uint64_t codec_zigzag(uint64_t difference);
uint64_t codec_unzigzag(uint64_t coded);

void field_u64(struct codec *codec, uint64_t *value);
void field_u32(struct codec *codec, uint32_t *value);

/* A number that is often what it was last time. */
void field_delta(struct codec *codec, uint64_t *value, uint64_t *last);
void field_delta32(struct codec *codec, uint32_t *value, uint32_t *last);

/* An address or length: bit 0 of the code tells whether the difference is in bytes (1) or in pages (0). */
void field_paged(struct codec *codec, uint64_t *value, uint64_t *last);
void field_addr(struct codec *codec, uint64_t *value);
void field_time(struct codec *codec, uint64_t *value);

/* Bytes, at most so many. */
void field_bytes(struct codec *codec, struct text *text, uint64_t most);
void field_text(struct codec *codec, struct text *text);

/* Whether fields that a newer minor version has added are there; what is written has them all. */
bool codec_has_more(const struct codec *codec);

/* codec_records.c: visit all fields of a record.  False when the kind is not known. */
bool codec_visit(struct codec *codec, struct record *record);

#endif
