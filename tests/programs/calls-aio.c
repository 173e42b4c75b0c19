/* variants: m32 */
/* calls-aio.c: io_setup(2) maps a ring and hands its address back through a pointer; io_destroy(2) takes it
 * away. */
#include <fcntl.h>
#include <linux/aio_abi.h>

#include "expect.h"

/* Bytes of the mapping that starts at `address`, from /proc/self/maps. */
static size_t size_of_mapping(unsigned long address)
{
    static char text[1 << 16];
    char wanted[32];
    size_t size = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    for (ssize_t got; (got = read(fd, text + size, sizeof(text) - 1 - size)) > 0;)
        size += (size_t)got;
    close(fd);
    text[size] = '\0';
    snprintf(wanted, sizeof(wanted), "%08lx-", address);
    char *line = strstr(text, wanted);
    require(line != NULL, "the ring is not in maps");
    return strtoul(line + strlen(wanted), NULL, 16) - address;
}

int main(void)
{
    aio_context_t first = 0, second = 0;

    REQUIRE(syscall(SYS_io_setup, 4, &first) == 0);
    size_t ring = size_of_mapping((unsigned long)first);
    expect_call("io_setup");
    expect_add("\"nr\":4,\"ctx\":\"0x%lx\"", (unsigned long)&first);
    expect_result(0, MAPS(ring), false);

    REQUIRE(syscall(SYS_io_setup, 1000, &second) == 0);
    size_t large = size_of_mapping((unsigned long)second);
    expect_call("io_setup");
    expect_add("\"nr\":1000");
    expect_result(0, MAPS(large), false);
    REQUIRE(large > ring);

    long ret = syscall(SYS_io_setup, 0, &first); /* not zeroed: EINVAL */
    expect_call("io_setup");
    expect_add("\"nr\":0");
    expect_result(ret, FAILS(EINVAL), false);

    ret = syscall(SYS_io_destroy, first);
    expect_call("io_destroy");
    expect_add("\"ctx\":\"0x%lx\"", (unsigned long)first);
    expect_result(ret, UNMAPS(ring), false);

    ret = syscall(SYS_io_destroy, first);
    expect_call("io_destroy");
    expect_add("\"ctx\":\"0x%lx\"", (unsigned long)first);
    expect_result(ret, FAILS(EINVAL), false);
    expect_print();
    return 0; /* the second ring goes with the process */
}
