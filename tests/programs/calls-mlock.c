/* variants: m32 */
/* calls-mlock.c: locking by range, on fault, and of everything; mlock(2).  What the limit of an ordinary user
 * refuses is allowed to fail. */
#include "expect.h"

static void lock_all(int flags, const char *names, struct effect effect)
{
    long ret = syscall(SYS_mlockall, flags);
    int error = errno;
    expect_call("mlockall");
    expect_add("\"flags\":[%s]", names);
    errno = error;
    expect_result(ret, effect, false);
}

int main(void)
{
    char *p = x_mmap(PAGES(6), READ_WRITE, PRIVATE, MAPS(PAGES(6)));

    x_range("mlock", SYS_mlock, p + PAGES(1), PAGES(1), 0, NOTHING);
    x_range("mlock", SYS_mlock, p + PAGES(3) + 5, 10, 0, NOTHING); /* rounded to its page */
    x_range("munlock", SYS_munlock, p + PAGES(1), PAGES(1), 0, NOTHING);
    x_range("mlock2", SYS_mlock2, p + PAGES(4), PAGES(2), MLOCK_ONFAULT, NOTHING);
    x_range("mlock2", SYS_mlock2, p, PAGES(1), 0x40, FAILS(EINVAL));
    x_mmap(PAGES(2), READ_WRITE, PRIVATE | MAP_LOCKED, PERHAPS(MAPS(PAGES(2))));

    x_munmap(p + PAGES(2), PAGES(1), UNMAPS(PAGES(1)));
    x_range("mlock", SYS_mlock, p, PAGES(6), 0, FAILS(ENOMEM)); /* a hole */
    x_range("munlock", SYS_munlock, p, PAGES(6), 0, FAILS(ENOMEM));

    lock_all(MCL_CURRENT | MCL_FUTURE, "\"MCL_CURRENT\",\"MCL_FUTURE\"", PERHAPS(NOTHING));
    x_mmap(PAGES(8), READ_WRITE, PRIVATE, PERHAPS(MAPS(PAGES(8)))); /* populated at once */
    lock_all(MCL_FUTURE | MCL_ONFAULT, "\"MCL_FUTURE\",\"MCL_ONFAULT\"", PERHAPS(NOTHING));
    lock_all(0, "", FAILS(EINVAL));
    long ret = syscall(SYS_munlockall);
    expect_call("munlockall");
    expect_result(ret, NOTHING, false);
    expect_print();
    return 0;
}
