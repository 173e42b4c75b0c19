/*
 * format.h: what stands in the HTML report, as the sources here write it and the scripts beside them read it.
 *
 * ---- the file ----
 *
 * In this order: charset, policy (CSP), title, style; header, static summary, empty panels; the sections that the first
 * picture needs; the script; the sections that come on demand; the mark of the end.
 *
 *     <script type="application/octet-stream" id="s-NAME" data-z="deflate-raw" data-n="BYTES"
 *             data-crc="CRC32 IN HEX">BASE64</script>
 *     <script type="application/octet-stream" id="s-eof">NUMBER OF SECTIONS</script>
 *
 * BASE64 is raw deflate (RFC 1951), as data-z tells; data-n and data-crc are of the bytes before compression (CRC-32 of
 * RFC 1952). A section that is missing, has another length or checksum, or a missing s-eof: the page says that the
 * report is damaged, and shows what it can.
 *
 * ---- a section ----
 *
 * One byte, FORMAT_VERSION; the number of columns; then each column: length of its name and the name (ASCII), one byte,
 * its type, the number of items, the number of bytes, and these bytes.  All numbers without another word are varints:
 * seven bits a byte, the lowest first, the top bit tells that more follow.
 *
 *     'v'  each item a varint below 2^53
 *     'd'  each item the difference to the one before (to 0 at first), zigzag: 0, -1, 1, -2 are 0, 1, 2, 3; below 2^53
 *     'w'  the same modulo 2^64, for addresses and arguments: two's complement, 64 bits
 *     'b'  each item one byte
 *     't'  each item a text: number of bytes, then UTF-8.  What was not fit to be read (control characters, bytes that
 *          are not UTF-8, characters that turn the direction of writing) has been made visible as \x1b or \u202e
 *          already: texts are shown as they are, with textContent.
 *
 * Times are ticks of 100 ns from the start of the recording.  Sizes are bytes, unless a column's name says pages (of
 * 4096 bytes).  Indices count from 0; "index + 1" means that 0 is none.
 *
 * ---- meta: key 't', value 't' ----
 *
 * ticks (length of the run), events, embedded (events that are in the file), exact (1: all events, all lives), buckets,
 * sparse (buckets of the sparse section: 1024, or fewer where those would be too many sums), instants, lives (1: all
 * are there; 0: only those that were there at one of the instants, which are k * ticks / instants for k from 0 to
 * instants, the last the end of the run, and the ticks in `peak`), peak (tick of the highest resident memory), trace,
 * host, kernel, tool, started, sampling (text), threads, verified (text: "214 checkpoints, 0 drift"), loss (text,
 * empty: nothing was lost), stacks (text: how many are complete), uncollected (text: what was not collected),
 * show_events, show_layout, show_stacks, show_findings, show_heap: commands that show all.
 *
 * ---- tables: 't' each ----
 *
 * kinds, roles, runtimes, acts (of the heap): by their number; "" is none.  calls: name by number; call_args: by
 * number, "addr:address length:size prot:set:3": name and how it is shown: address, size, number (unsigned), offset
 * (hex, but 0), set:N (names), fd, signed (32 bits), text (a line of the event's text, where a line of a fd is its
 * path), whole (no argument: the event's text stands for all).  fields: of each N first "N MASK WORD", the bits that
 * count, and what names begin with, if anything; then "N MASK VALUE NAME" each, as they are to be shown: the name is
 * that of numbers whose bits of MASK are VALUE.  MASK and VALUE in hex.  errors: "12 ENOMEM" each.  call_result: by
 * number, address or signed (64 bits).  call_class: by number, one of map, unmap, protect, brk, remap, advise, other.
 *
 * ---- str: text 't' ----
 *
 * All texts that columns named "..._str" refer to by index; 0 is the empty one.
 *
 * ---- proc: one item for each process, in order of appearance ----
 *
 * pid, parent (index + 1), name_str, exe_str, status_str ("exited with 0"), start, end (ticks; end may be `ticks` + 1:
 * it had not ended), slot (of its lod section, + 1; 0: it has none, only the whole has), events, threads,
 * resident_peak, virtual_peak.
 *
 * ---- space: one for each address space ----  id, proc (index), start, end.
 *
 * ---- thread: ----  tid, proc (index), start, end.
 *
 * ---- stk: the code ----
 *
 * Lines, a function or a place in one: line_function_str, line_file_str, line_number, line_module_str, line_offset
 * (from the function's start; of a line without one, its address in the module), line_flags (1 inlined, 2 guessed, 4
 * libc or the loader or an allocator, 8 a library, 16 made at run time). Trees: node_line (index + 1; 0: the root, or
 * what stands in place of a line), node_parent (index; a parent has a lower index than its children; the root is 0),
 * node_word_str (shown when there is no line: "execve", "no stack"), and the same with from call sites on outwards:
 * rnode_line, rnode_parent, rnode_word_str. Stacks: stack_id (as in the text reports; 0: none), stack_node, stack_rnode
 * (where it ends in the trees), stack_site (line, index + 1), stack_site_str (its text, never empty), stack_quality (0
 * complete, 1 guessed, 2 truncated), and its lines, innermost first: stack_lines (how many), then one after another in
 * lines. The first stacks stand for no known stack, for what execve mapped, for what the kernel made, and for what was
 * there before its process was attached to.
 *
 * ---- lod0, lod1, ...: series ----
 *
 * lod0 is of all processes together, the others of one each (proc.slot).  Bucket i of n is the time from i * ticks / n
 * up to (i + 1) * ticks / n.  Columns, 'd' or 'v', n items each; a series that is nowhere but 0 is left out:
 * resident_last, resident_min, resident_max, resident_samples (how many; where 0, the others hold what was known
 * before); virtual_last, virtual_min, virtual_max; heap_last, heap_min, heap_max; kind<K>_last, kind<K>_max (bytes
 * mapped, K: number of the kind); call<C> (calls of that number); minor, major (page faults), errors, mapped, returned.
 * "last" is the value at the end of the bucket.
 *
 * ---- lives: what was mapped from when to when ----
 *
 * A run of pages that had one birth and the same attributes: space (index), start_page, pages, born, died (tick; the
 * end of its space or of the run when it lived as long; it is there at t when born <= t < died, or t is the end of the
 * run and died is too), event (that gave birth to it, 0: none), birth (tick of that), stack (index), owner (tid),
 * file_str, offset_pages, file (a number that is equal for the same file), prot (1 read, 2 write, 4 execute), flags (1
 * shared, 2 its role is a guess, 4 the kernel's name, not a file, 8 it was there before its process was attached to,
 * and `birth` is the tick of that), kind, role, runtime, protects (how often its access was changed before).
 * extent_space, extent_start_page, extent_end_page: all that was ever mapped, joined where less than 64 MiB lie
 * between.
 *
 * ---- looks: what of it was resident ----
 *
 * The tracer looks at the pages of an address space when it ends, at peaks, and when asked to; look_space (index),
 * look_time (tick), look_reason (1 the end of the space, 2 a peak, 3 asked for), look_end_page (what begins there or
 * above was not looked at; 0: all was), look_parts (how many); then these, one after another: part_life (index in
 * lives) and part_pages, how many of its pages were resident.  Lives that were there then and are not named had none.
 * taken: how many looks there were, as some are left out when they are too many.
 *
 * ---- sparse: what calls did, by stack and time ----
 *
 * row_slot (proc index + 1, 0: of processes without a slot), row_stack (index), row_items; then the items of all rows,
 * one after another: bucket (difference to the row's last one, 'v'; to -1 at first), calls, mapped, returned, faults,
 * time, touched.
 *
 * ---- find: findings ----
 *
 * name_str, severity (0 note, 1 warning, 2 problem), sentence_str, advice_str, see_str, proc (index + 1), start, end
 * (ticks between which it shows), numbers, events, stacks (how many of each, then one after another:) number_name_str,
 * number_str; event_id, event_time; stack (index).
 *
 * ---- heap: of the process whose malloc asked for most ----
 *
 * proc (index + 1; 0: no heap), word_name 't', word 't': what is to be said, in order ("high water": "391.5M at 8.20
 * s"). Steps: step_time, step_act, step_bytes, step_size, step_stack (index), step_event; steps_left_out. Moves of the
 * mmap threshold: move_time, move_from, move_to, move_stack. Arenas: arena_start_page, arena_reserved, arena_open,
 * arena_time, arena_threads_str.
 *
 * ---- code: around call sites ----
 *
 * stack (index), text_str: instructions, source_str: source lines; a line each, that of the call begins with '>'.
 *
 * ---- e0, e1, ...: events, EVENTS_CHUNK in each ----
 *
 * id 'd', time 'd' (of its exit, but never before that of the event before), late (by how much its exit was earlier
 * than `time`, when calls overlapped), duration, tid 'd', proc (index), call, flags (1 unordered, 2 did not return, 4
 * faults were measured, 8 its thread died in it), error, mapped, unmapped, kind, stack (index), minor, major, text_str
 * (index + 1 in its own column `text` 't'; 0: none), shown (so many arguments count), and a0 ... a5 and ret, 'w'. text:
 * a line for each argument shown as fd or text, written as `brkwater events` writes it; the whole, where that is said;
 * or the path of the file, where no argument is in words. ev: first_id, count, start, end of each chunk; whole (1: all
 * events).
 */
#ifndef BRKWATER_FORMAT_H
#define BRKWATER_FORMAT_H

enum { FORMAT_VERSION = 1, EVENTS_CHUNK = 65536 };

#endif
