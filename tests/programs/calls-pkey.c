/* variants: m32 */
/* calls-pkey.c: pkey_mprotect(2) with the key -1 is mprotect; with a key that was never allocated it fails.
 */
#include "expect.h"

static void protect(char *addr, size_t length, int prot, int key, struct effect effect)
{
    long ret = syscall(SYS_pkey_mprotect, addr, length, prot, key);
    int error = errno;
    expect_call("pkey_mprotect");
    expect_range("addr", addr, length);
    expect_prot(prot);
    expect_add(",\"pkey\":%d", key);
    errno = error;
    expect_result(ret, effect, false);
}

int main(void)
{
    char *p = x_mmap(PAGES(4), READ_WRITE, PRIVATE, MAPS(PAGES(4)));

    protect(p + PAGES(1), PAGES(1), PROT_READ, -1, NOTHING);
    protect(p + PAGES(2), PAGES(2), PROT_NONE, -1, NOTHING);
    protect(p, PAGES(1), PROT_READ, 7, FAILS(EINVAL));
    x_munmap(p + PAGES(3), PAGES(1), UNMAPS(PAGES(1)));
    protect(p, PAGES(4), PROT_READ | PROT_EXEC, -1, FAILS(ENOMEM)); /* a changed prefix */

    long key = syscall(SYS_pkey_alloc, 0, 0);
    if (key >= 0) /* the processor has them */
        protect(p, PAGES(2), READ_WRITE, (int)key, NOTHING);
    expect_print();
    return 0;
}
