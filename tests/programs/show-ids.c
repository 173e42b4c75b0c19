/* show-ids.c [drop UID]: prints its user ids; with `drop` it gives up its privileges for good first.  Then a
 * few memory calls.  The test makes set-uid copies of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    uid_t real, effective, saved;
    if (argc == 3 && strcmp(argv[1], "drop") == 0) {
        uid_t uid = (uid_t)atoi(argv[2]);
        if (setresuid(uid, uid, uid) != 0)
            return 1;
    }
    for (int i = 0; i < 5; i++) {
        void *p = mmap(NULL, 12288, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p, 4096) != 0)
            return 2;
    }
    if (getresuid(&real, &effective, &saved) != 0)
        return 3;
    printf("uid %d %d %d\n", (int)real, (int)effective, (int)saved);
    return 0;
}
