/* write-lines.c LINES PROCESSES: every process writes whole lines to standard error, one write each, and
 * makes a pair of memory calls after each: whoever writes to the same pipe must not tear them. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void lines(int process, int count)
{
    char line[128];
    for (int i = 0; i < count; i++) {
        int length = snprintf(line, sizeof(line), "program %d line %d %.*s.\n", process, i, i % 60,
                              "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
        if (write(STDERR_FILENO, line, (size_t)length) != length)
            _exit(1);
        void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p, 4096) != 0)
            _exit(2);
    }
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 100, processes = argc > 2 ? atoi(argv[2]) : 1;
    for (int i = 1; i < processes; i++) {
        pid_t child = fork();
        if (child < 0)
            return 3;
        if (child == 0) {
            lines(i, count);
            _exit(0);
        }
    }
    lines(0, count);
    int status, bad = 0;
    while (wait(&status) > 0)
        bad |= status;
    return bad ? 4 : 0;
}
