/*
 * minidebug.h: the symbol table that distributions pack into stripped files: an ELF file, compressed by xz, in the
 * section .gnu_debugdata.
 */
#ifndef BRKWATER_MINIDEBUG_H
#define BRKWATER_MINIDEBUG_H

#include "image.h"

/* 1 with the packed image, which is the caller's to close; 0 when there is none; -ENOEXEC when it is damaged or too
 * large; -ENOMEM. */
int minidebug_open(const struct image *image, struct image *ret_image);

#endif
