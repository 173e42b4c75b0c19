/*
 * appendix.h: what is added to a trace behind its recording: keyframes, names.  Internal to decoder/.
 *
 *     frames of the recording, the last with REC_END
 *     frames of keyframes, and their index                          (keyframes.h)
 *     frames of names: all modules, frames and stacks, and names    (code.h)
 *     a skippable frame of 40 bytes: the trailer
 *
 * The trailer is written last; a file whose appendix is not whole has none, and loses nothing but its appendix.
 */
#ifndef BRKWATER_APPENDIX_H
#define BRKWATER_APPENDIX_H

#include "trace_reader.h"

/* Offsets in the file; 0: not there. */
struct trailer {
    uint64_t start; /* of the appendix: here the recording ends */
    uint64_t index; /* frame of CACHE_INDEX */
    uint64_t names; /* first frame of names */
    uint64_t end;   /* where the trailer itself begins */
};

/* False when the file does not end in a trailer. */
bool trailer_read(struct trace *trace, struct trailer *ret_trailer);

struct appendix;

/* Write behind `at`, what lies there is cut off with the first write.  0 or -errno. */
int appendix_open(const char *path, uint64_t at, uint64_t max_size, struct appendix **ret_appendix);
void appendix_close(struct appendix *appendix);

/* Add a record to the frame at hand; a frame that is large enough ends by itself.  0, -EFBIG when the file would grow
 * beyond its limit, -TRACE_E_TOO_LARGE, -errno. */
int appendix_put(struct appendix *appendix, const struct record *record);

/* End the frame at hand.  0 or as above. */
int appendix_flush(struct appendix *appendix);

/* Where the next frame begins. */
uint64_t appendix_at(const struct appendix *appendix);

/* Write the trailer.  0 or as above. */
int appendix_finish(struct appendix *appendix, const struct trailer *trailer);

/* Cut the file off there again. */
int appendix_cut(struct appendix *appendix, uint64_t at);

#endif
