/* signal-die.c HOW: ends by a signal: segv, bus, fpe, ill, abort, kill, term, int, pipe, rt, thread-kill; or
 * waits for one: wait; or exits with a number. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static void *kill_all(void *argument)
{
    (void)argument;
    kill(getpid(), SIGKILL);
    return NULL;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "segv";
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"kill", SIGKILL}, {"term", SIGTERM}, {"int", SIGINT}, {"pipe", SIGPIPE},
                   {"fpe", SIGFPE},   {"ill", SIGILL},   {"bus", SIGBUS}, {"rt", 40}};

    /* No core files. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    char *p = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || write(STDOUT_FILENO, "so far so good\n", 15) != 15)
        return 1;
    if (strcmp(how, "segv") == 0)
        *(volatile char *)p = 1;
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "thread-kill") == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, kill_all, NULL);
        for (;;)
            pause();
    }
    while (strcmp(how, "wait") == 0)
        pause();
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (strcmp(how, signals[i].name) == 0)
            kill(getpid(), signals[i].number);
    return atoi(how);
}
