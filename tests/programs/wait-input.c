/* wait-input.c [catch|stop]: says `ready`, waits for a line of standard input, says `got LINE`, ends with 6;
 * does memory calls before and after.  With `catch` it answers SIGINT, SIGTERM and SIGHUP by `caught NUMBER`,
 * and ends with 3; with `stop` it stops itself by SIGSTOP once it is ready. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void calls(void)
{
    void *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || munmap(p, 4096) != 0)
        _exit(2);
}

static void say(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(4);
}

static void handler(int number)
{
    char line[32];
    snprintf(line, sizeof(line), "caught %d\n", number);
    say(line);
    calls();
    _exit(3);
}

int main(int argc, char **argv)
{
    char line[256], answer[300];
    if (argc > 1 && strcmp(argv[1], "catch") == 0) {
        struct sigaction action = {.sa_handler = handler};
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGHUP, &action, NULL);
    }
    calls();
    say("ready\n");
    if (argc > 1 && strcmp(argv[1], "stop") == 0 && raise(SIGSTOP) != 0)
        return 5;
    ssize_t size;
    do
        size = read(STDIN_FILENO, line, sizeof(line));
    while (size < 0 && errno == EINTR);
    calls();
    while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
        size--;
    snprintf(answer, sizeof(answer), "got %.*s\n", size > 0 ? (int)size : 0, line);
    say(answer);
    return 6;
}
