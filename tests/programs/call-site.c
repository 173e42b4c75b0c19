/* call-site.c: ask for memory in known functions, one of them inlined; print "FUNCTION LINE" of each call on the way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define NOINLINE __attribute__((noinline, noclone))

enum { PAGES = 4096 * 7 };

static inline __attribute__((always_inline)) void *get_pages(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p;
}

static NOINLINE char *load_table(size_t size, int *line)
{
    *line = __LINE__ + 1;
    char *table = get_pages(size);
    table[0] = 1;
    return table;
}

static NOINLINE char *load_block(size_t size, int *line)
{
    *line = __LINE__ + 1;
    char *block = malloc(size);
    block[0] = 1;
    return block;
}

int main(void)
{
    int table_line, block_line;
    int table_called = __LINE__ + 1;
    char *table = load_table(PAGES, &table_line);
    char *block = load_block(1 << 20, &block_line);
    printf("load_table %d\nmain %d\nload_block %d\n", table_line, table_called, block_line);
    free(block);
    return munmap(table, PAGES);
}
