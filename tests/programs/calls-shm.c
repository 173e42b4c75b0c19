/* variants: m32 */
/* calls-shm.c: System V shared memory: the size comes from the segment, shmdt has no length, SHM_REMAP
 * replaces what is there; shmat(2).  The segment is marked for removal as soon as it is attached. */
#include <sys/ipc.h>

#include "expect.h"

static char *attach(int id, void *addr, int flags, struct effect effect)
{
    static const struct bit_name names[] = {BIT(SHM_RDONLY), BIT(SHM_RND), BIT(SHM_REMAP), BIT(SHM_EXEC)};
    long ret = syscall(SYS_shmat, id, addr, flags);
    int error = errno;
    expect_call("shmat");
    expect_add("\"shmid\":%d,\"addr\":\"0x%lx\"", id, (unsigned long)addr);
    expect_bits("flags", NULL, (unsigned long)flags, names, 4);
    errno = error;
    return (char *)expect_result(ret, effect, true);
}

static long detach(void *addr, struct effect effect)
{
    long ret = syscall(SYS_shmdt, addr);
    int error = errno;
    expect_call("shmdt");
    expect_add("\"addr\":\"0x%lx\"", (unsigned long)addr);
    errno = error;
    return expect_result(ret, effect, false);
}

int main(void)
{
    int id = shmget(IPC_PRIVATE, 3 * PAGE + 1, IPC_CREAT | 0700);
    REQUIRE(id >= 0);
    char *p = attach(id, NULL, 0, MAPS(PAGES(4)));
    /* Attaching to a segment marked for removal works on Linux. */
    REQUIRE(shmctl(id, IPC_RMID, NULL) == 0);
    p[0] = 'a';

    char *reader = attach(id, NULL, SHM_RDONLY, MAPS(PAGES(4)));
    REQUIRE(reader[0] == 'a');
    char *code = attach(id, NULL, SHM_RDONLY | SHM_EXEC, MAPS(PAGES(4)));

    char *yard = x_mmap(PAGES(16), READ_WRITE, PRIVATE, MAPS(PAGES(16)));
    attach(id, yard + PAGES(2), 0, FAILS(EINVAL)); /* occupied */
    attach(id, yard + PAGES(2) + 17, 0, FAILS(EINVAL));
    char *replaced = attach(id, yard + PAGES(2), SHM_REMAP, SWAPS(PAGES(4), PAGES(4)));
    REQUIRE(replaced == yard + PAGES(2) && replaced[0] == 'a');
    x_munmap(yard + PAGES(8), PAGES(8), UNMAPS(PAGES(8)));
    char *rounded = attach(id, yard + PAGES(9) + 17, SHM_RND, MAPS(PAGES(4)));
    REQUIRE(rounded == yard + PAGES(9));

    /* A hole in the attachment: shmdt takes what is left of it. */
    x_munmap(reader + PAGES(1), PAGES(1), UNMAPS(PAGES(1)));
    detach(reader, UNMAPS(PAGES(3)));
    detach(code + PAGE, FAILS(EINVAL));
    detach(code, UNMAPS(PAGES(4)));
    detach(code, FAILS(EINVAL));
    detach(rounded, UNMAPS(PAGES(4)));
    detach(replaced, UNMAPS(PAGES(4)));
    detach(yard, FAILS(EINVAL)); /* mapped, but not attached */
    attach(-1, NULL, 0, FAILS(EINVAL));

#ifdef __i386__
    /* The older door to the same calls: ipc(2), which hands the address back through a pointer. */
    id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
    unsigned long address = 0;
    long ret = syscall(SYS_ipc, 21, id, 0, &address, NULL, 0);
    REQUIRE(ret == 0 && address != 0 && shmctl(id, IPC_RMID, NULL) == 0);
    expect_call("shmat");
    expect_add("\"shmid\":%d},\"errno\":null,\"mapped\":4096,\"unmapped\":0}\n", id);
    REQUIRE(syscall(SYS_ipc, 22, 0, 0, 0, address, 0) == 0);
    expect_call("shmdt");
    expect_add("\"addr\":\"0x%lx\"},\"errno\":null,\"mapped\":0,\"unmapped\":4096}\n", address);
#endif
    detach(p, UNMAPS(PAGES(4)));
    expect_print();
    return 0;
}
