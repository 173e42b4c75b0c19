/* variants: m32 */
/* calls-memfd.c: memory behind a memfd: mapped twice, punched, cut and grown; only the mappings are address
 * space, memfd_create(2). */
#include <fcntl.h>

#include "expect.h"

int main(void)
{
    int fd = memfd_create("a name with spaces", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    REQUIRE(fd >= 0 && ftruncate(fd, PAGES(16)) == 0);
    char *first = x_mmap_at(NULL, PAGES(16), READ_WRITE, MAP_SHARED, fd, 0, MAPS(PAGES(16)));
    char *second = x_mmap_at(NULL, PAGES(4), PROT_READ, MAP_SHARED, fd, PAGES(8), MAPS(PAGES(4)));
    char *copy = x_mmap_at(NULL, PAGES(4), READ_WRITE, MAP_PRIVATE, fd, PAGES(8), MAPS(PAGES(4)));
    memset(first, 'x', PAGES(16));
    copy[0] = 'y';
    REQUIRE(second[0] == 'x');

    REQUIRE(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGES(8), PAGES(2)) == 0);
    REQUIRE(second[0] == 0 && copy[0] == 'y');
    REQUIRE(ftruncate(fd, PAGES(2)) == 0 && ftruncate(fd, PAGES(32)) == 0);

    x_munmap(second, PAGES(4), UNMAPS(PAGES(4)));
    REQUIRE(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0);
    x_mprotect(copy, PAGES(1), PROT_READ, NOTHING);
    x_munmap(first, PAGES(16), UNMAPS(PAGES(16)));
    REQUIRE(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
    x_mmap_at(NULL, PAGES(1), READ_WRITE, MAP_SHARED, fd, 0, FAILS(EPERM));
    x_mmap_at(NULL, PAGES(1), PROT_READ, MAP_SHARED, fd, 0, PERHAPS(MAPS(PAGES(1)))); /* since Linux 6.7 */
    expect_print();
    return 0;
}
