/* children.c COUNT: many short-lived children, up to 20 at a time; each maps a little and ends with its
 * number. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_ONCE = 20 };

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 100;
    long sum = 0, wanted = 0;
    int alive = 0;
    for (int i = 0; i < count || alive > 0;) {
        if (i < count && alive < AT_ONCE) {
            pid_t child = fork();
            if (child < 0)
                return 1;
            if (child == 0) {
                void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                _exit(p == MAP_FAILED ? 255 : i % 200);
            }
            wanted += i % 200;
            i++;
            alive++;
            continue;
        }
        int status;
        if (wait(&status) < 0 || !WIFEXITED(status))
            return 2;
        sum += WEXITSTATUS(status);
        alive--;
    }
    printf("%d children, sum %s\n", count, sum == wanted ? "right" : "wrong");
    return sum != wanted;
}
