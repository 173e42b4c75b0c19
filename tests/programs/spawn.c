/* spawn.c ROUNDS: posix_spawn of this program and of something that does not exist, with the parent's memory
 * in use while the children run; system(3) too.  Prints the sum of what the children ended with. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "child") == 0)
        return atoi(argv[2]);

    int rounds = argc > 1 ? atoi(argv[1]) : 10;
    int sum = 0;
    for (int i = 0; i < rounds; i++) {
        char number[16];
        char program[] = "spawn", mode[] = "child";
        char *arguments[] = {program, mode, number, NULL};
        pid_t child;
        int status;
        snprintf(number, sizeof(number), "%d", i % 100);
        if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ) != 0)
            return 1;
        void *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p, 8192) != 0)
            return 2;
        if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
            return 3;
        sum += WEXITSTATUS(status);
        if (posix_spawn(&child, "/does/not/exist", NULL, NULL, arguments, environ) != ENOENT)
            return 4;
    }
    int status = system("exit 42");
    printf("sum %d, system %d\n", sum, WEXITSTATUS(status));
    return 0;
}
