/* variants: m32 */
/* calls-remap-file-pages.c: the kernel emulates remap_file_pages(2) by an mmap of other pages of the file
 * over the old ones. */
#include "expect.h"

static long remap(char *addr, size_t length, size_t page, struct effect effect)
{
    long ret = syscall(SYS_remap_file_pages, addr, length, 0, page, 0);
    int error = errno;
    expect_call("remap_file_pages");
    expect_range("addr", addr, length);
    expect_add(",\"pgoff\":%zu", page);
    errno = error;
    return expect_result(ret, effect, false);
}

int main(void)
{
    int fd = memfd_create("pages", MFD_CLOEXEC);
    REQUIRE(fd >= 0 && ftruncate(fd, PAGES(8)) == 0);
    char *p = x_mmap_at(NULL, PAGES(8), READ_WRITE, MAP_SHARED, fd, 0, MAPS(PAGES(8)));
    for (int i = 0; i < 8; i++)
        p[PAGES(i)] = (char)('a' + i);

    remap(p, PAGES(2), 6, MOVES(PAGES(2), PAGES(2)));
    REQUIRE(p[0] == 'g' && p[PAGE] == 'h');
    remap(p + PAGES(4), PAGES(1), 0, MOVES(PAGES(1), PAGES(1)));
    REQUIRE(p[PAGES(4)] == 'a');
    /* Back to what it was: the kernel merges again. */
    remap(p + PAGES(4), PAGES(1), 4, MOVES(PAGES(1), PAGES(1)));

    char *private = x_mmap(PAGES(2), READ_WRITE, PRIVATE, MAPS(PAGES(2)));
    remap(private, PAGES(1), 1, FAILS(EINVAL));
    x_munmap(p, PAGES(8), UNMAPS(PAGES(8)));
    remap(p, PAGES(1), 1, FAILS(EINVAL));
    expect_print();
    return 0;
}
