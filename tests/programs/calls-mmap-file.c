/* variants: m32 static */
/* calls-mmap-file.c: files mapped privately and shared, from an offset, past their end, after unlink; and the
 * failures of mmap(2) that come from the file.  Makes and removes files in the current directory. */
#include <fcntl.h>

#include "expect.h"

int main(void)
{
    int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0 && ftruncate(fd, 5 * PAGE + 100) == 0);

    char *whole = x_mmap_at(NULL, 5 * PAGE + 100, PROT_READ, MAP_PRIVATE, fd, 0, MAPS(PAGES(6)));
    char *shared = x_mmap_at(NULL, PAGES(2), READ_WRITE, MAP_SHARED, fd, PAGES(1), MAPS(PAGES(2)));
    char *beyond = x_mmap_at(NULL, PAGES(10), READ_WRITE, MAP_PRIVATE, fd, PAGES(4), MAPS(PAGES(10)));
    char *code = x_mmap_at(NULL, PAGES(1), PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_POPULATE, fd, 0, MAPS(PAGES(1)));
    shared[0] = 1;
    beyond[0] = 1;

    int read_only = open("mapped", O_RDONLY | O_CLOEXEC);
    REQUIRE(read_only >= 0);
    x_mmap_at(NULL, PAGES(1), READ_WRITE, MAP_SHARED, read_only, 0, FAILS(EACCES));
    char *copy = x_mmap_at(NULL, PAGES(1), READ_WRITE, MAP_PRIVATE, read_only, 0, MAPS(PAGES(1)));
    REQUIRE(unlink("mapped") == 0);
    char *deleted = x_mmap_at(NULL, PAGES(1), PROT_READ, MAP_SHARED, read_only, PAGES(3), MAPS(PAGES(1)));

    int write_only = open("written", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    x_mmap_at(NULL, PAGES(1), PROT_READ, MAP_PRIVATE, write_only, 0, FAILS(EACCES));
    REQUIRE(unlink("written") == 0);
    int directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    x_mmap_at(NULL, PAGES(1), PROT_READ, MAP_PRIVATE, directory, 0, FAILS(ENODEV));
    x_mmap_at(NULL, PAGES(1), PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0, PERHAPS(MAPS(PAGES(1))));
#ifdef __x86_64__
    x_mmap_at(NULL, PAGES(1), PROT_READ, MAP_PRIVATE, fd, 100, FAILS(EINVAL));
#endif

    /* /dev/zero: private is as good as anonymous, shared is a nameless file. */
    int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
    char *zero_private = x_mmap_at(NULL, PAGES(2), READ_WRITE, MAP_PRIVATE, zero, 0, MAPS(PAGES(2)));
    char *zero_shared = x_mmap_at(NULL, PAGES(2), READ_WRITE, MAP_SHARED, zero, 0, MAPS(PAGES(2)));
    /* The mapping outlives its descriptor. */
    REQUIRE(close(zero) == 0 && close(fd) == 0);
    zero_private[0] = zero_shared[0] = shared[1] = 1;

    x_munmap(whole + PAGE, PAGES(1), UNMAPS(PAGES(1)));
    x_munmap(whole, PAGES(6), UNMAPS(PAGES(5)));
    x_munmap(shared, PAGES(2), UNMAPS(PAGES(2)));
    x_munmap(beyond, PAGES(10), UNMAPS(PAGES(10)));
    x_munmap(code, PAGES(1), UNMAPS(PAGES(1)));
    x_munmap(copy, PAGES(1), UNMAPS(PAGES(1)));
    x_munmap(deleted, PAGES(1), UNMAPS(PAGES(1)));
    x_munmap(zero_private, PAGES(2), UNMAPS(PAGES(2)));
    x_munmap(zero_shared, PAGES(2), UNMAPS(PAGES(2)));
    expect_print();
    return 0;
}
