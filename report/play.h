/*
 * play.h: a trace file through decoder and timeline, from its start or from a keyframe.
 */
#ifndef BRKWATER_PLAY_H
#define BRKWATER_PLAY_H

#include "../decoder/decoder.h"
#include "../decoder/timeline.h"

struct play {
    const char *path;
    struct trace *trace;
    struct decoder *decoder;
    struct timeline *timeline; /* NULL when it was not asked for */
    uint64_t ordinal;          /* how many records were taken */
    struct record record;      /* the one taken last, or the next one (play_peek()) */
    bool peeked;
};

/* 0, or the exit status after one line was printed that says what is wrong. */
int play_open(struct play *play, const char *path, bool with_timeline);
void play_close(struct play *play);

/* The next record, not yet applied, into play->record: 1, 0 at the end, or -1 after one line was printed. */
int play_peek(struct play *play);

/* The next record, applied: 1, 0 at the end, or -1 after one line was printed. */
int play_next(struct play *play, struct moment *ret_moment);

/* Go to the last keyframe that is no later than this, or to the start, unless the play is there already, or between the
 * two.  Without a timeline only.  0, or the exit status after one line was printed. */
int play_seek(struct play *play, enum seek_by by, uint64_t value);

/* Go to the state after so many records, or to the end.  0, or the exit status after one line was printed. */
int play_go(struct play *play, uint64_t ordinal);

/* To the end.  0, or the exit status after one line was printed. */
int play_all(struct play *play);

/* One line to standard error for each thing that the file has lost; true when there was any. */
bool play_tell_loss(const struct play *play);

/* "recording was cut off at 8.2 s (no end record); ..." into the buffer; false when the recording is whole. */
bool play_loss_text(const struct play *play, char *buffer, size_t size);

#endif
