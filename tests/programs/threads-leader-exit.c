/* threads-leader-exit.c: the first thread ends before the others and stays behind as a zombie; the others map
 * memory only after that, and the last one ends the process with 9. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREADS = 4 };

static atomic_int left = THREADS;

/* Until /proc says that the leader is a zombie. */
static void wait_for_leader(void)
{
    char path[64], text[512];
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
    for (;;) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            _exit(2);
        ssize_t size = read(fd, text, sizeof(text) - 1);
        close(fd);
        if (size <= 0)
            _exit(3);
        text[size] = '\0';
        const char *state = strrchr(text, ')');
        if (state && state[1] == ' ' && state[2] == 'Z')
            return;
        sched_yield();
    }
}

static void *work(void *argument)
{
    (void)argument;
    wait_for_leader();
    for (int i = 0; i < 20; i++) {
        char *p = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p + 4096, 4096) != 0)
            _exit(4);
    }
    if (atomic_fetch_sub(&left, 1) == 1) {
        if (write(STDOUT_FILENO, "the last one\n", 13) != 13)
            _exit(5);
        _exit(9);
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, work, NULL) != 0)
            return 1;
    syscall(SYS_exit, 0);
    return 6;
}
