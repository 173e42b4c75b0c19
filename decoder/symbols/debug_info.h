/*
 * debug_info.h: the DWARF of one file: functions with those inlined into them, files and lines, by address.
 */
#ifndef BRKWATER_DEBUG_INFO_H
#define BRKWATER_DEBUG_INFO_H

#include "names.h"
#include "symbol_list.h"

#include <elfutils/libdw.h>

struct debug_info;

/* Reads where the units lie, not yet what is in them.  `dwarf` and `names` stay the caller's and must live longer.
 * 0 or -ENOMEM. */
int debug_info_new(Dwarf *dwarf, struct names *names, struct debug_info **ret_info);
void debug_info_free(struct debug_info *info);

/* Append the functions at an address, innermost first.  Where only the line is known (assembly code), one symbol
 * without a function.  1, 0 when nothing is known of the address, or -ENOMEM. */
int debug_info_lookup(struct debug_info *info, uint64_t address, struct symbol_list *list);

#endif
