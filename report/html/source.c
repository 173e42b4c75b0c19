/* source.c: instructions and source lines around call sites. */
#include "page.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STACK, INSTRUCTIONS, SOURCE, CODE_COLUMNS };
enum { AROUND = 3, MOST_STACKS = 4000, LONGEST_LINE = 400, LARGEST_SOURCE = 16 << 20 };

/* A line each, that of the call with a mark in front. */
static uint32_t instructions(struct page *page, const struct code_line *site)
{
    struct instruction *list = NULL;
    struct buffer out = {0};
    size_t count = 0;
    char text[INSTRUCTION_MAX_TEXT + 32];
    code_instructions(decoder_code(page->decoder), site->frame, &list, &count);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%s%c %8llx  %s", i ? "\n" : "", list[i].is_call_site ? '>' : ' ',
                 (unsigned long long)list[i].address, list[i].text);
        buffer_string(&out, text);
    }
    const uint32_t string = strings_add_buffer(&page->strings, &out);
    buffer_free(&out);
    free(list);
    return string;
}

/* Only what is named like a source file is read: debug information can name any file, and the report may be sent to
 * somebody who must not see it. */
static FILE *open_source(struct text name)
{
    static const char *const endings[] = {".c",    ".cc", ".cpp", ".cxx", ".h",   ".hh",  ".hpp",   ".inc",
                                          ".ipp",  ".rs", ".go",  ".S",   ".s",   ".py",  ".js",    ".ts",
                                          ".java", ".kt", ".zig", ".d",   ".f90", ".nim", ".swift", ".m"};
    char path[4096];
    struct stat st;
    if (!name.size || name.size >= sizeof(path) || *name.data != '/' || memchr(name.data, 0, name.size))
        return NULL;
    memcpy(path, name.data, name.size);
    path[name.size] = '\0';
    const char *ending = strrchr(path, '.');
    bool known = false;
    for (size_t i = 0; ending && i < sizeof(endings) / sizeof(endings[0]); i++)
        known |= strcmp(ending, endings[i]) == 0;
    const int fd = known ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    const bool fit = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= LARGEST_SOURCE;
    FILE *file = fit ? fdopen(fd, "r") : NULL;
    if (!file && fd >= 0)
        close(fd);
    return file;
}

/* Without its end, which is \r\n in files of other systems. */
static size_t shown_length(const char *line, size_t length)
{
    while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        length--;
    return length < LONGEST_LINE ? length : LONGEST_LINE;
}

/* Lines around the site, if its file is there and as long; the file may have changed since, which cannot be known. */
static uint32_t source(struct page *page, const struct code_line *site)
{
    char *line = NULL, head[32];
    size_t room = 0;
    ssize_t length;
    struct buffer out = {0};
    FILE *file = site->line ? open_source(site->file) : NULL;
    for (uint32_t number = 1; file && number <= site->line + AROUND && (length = getline(&line, &room, file)) > 0;
         number++) {
        if (number + AROUND < site->line)
            continue;
        snprintf(head, sizeof(head), "%s%c %5u  ", out.size ? "\n" : "", number == site->line ? '>' : ' ', number);
        buffer_string(&out, head);
        buffer_append(&out, line, shown_length(line, (size_t)length));
    }
    free(line);
    if (file)
        fclose(file);
    const uint32_t string = strings_add_buffer(&page->strings, &out);
    buffer_free(&out);
    return string;
}

void page_instructions(struct page *page)
{
    struct code *code = decoder_code(page->decoder);
    struct column c[CODE_COLUMNS] = {
        [STACK] = COLUMN("stack", COLUMN_NEAR),
        [INSTRUCTIONS] = COLUMN("text_str", COLUMN_NUMBER),
        [SOURCE] = COLUMN("source_str", COLUMN_NUMBER),
    };
    const uint32_t count = code_stacks(code) < MOST_STACKS ? code_stacks(code) : MOST_STACKS;
    for (uint32_t stack = 1; stack <= count && !page->options->no_source; stack++) {
        struct code_line site;
        if (!code_site(code, stack, &site) || site.is_runtime)
            continue;
        column_add(&c[STACK], stack + STACK_SUMS_STACKS - 1);
        column_add(&c[INSTRUCTIONS], instructions(page, &site));
        column_add(&c[SOURCE], source(page, &site));
    }
    page_columns(page, "code", c, CODE_COLUMNS);
}
