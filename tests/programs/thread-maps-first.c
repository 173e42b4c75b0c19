/* thread-maps-first.c: in a forked child, a thread maps a file and is gone, tid and all, before the leader
 * makes an mprotect(2) that fails half-way, ENOMEM; what it changed can only be read from the map of a thread
 * that still is there.  The child prints its own maps. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "own_maps.h"

enum { PAGE = 4096 };

static pid_t mapper;

static void map_itself(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
        _exit(1);
    close(fd);
}

static void *map_in_thread(void *argument)
{
    mapper = (pid_t)syscall(SYS_gettid);
    map_itself();
    return argument;
}

static void run_mapper_to_its_end(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, map_in_thread, NULL) != 0 || pthread_join(thread, NULL) != 0)
        _exit(2);
    while (syscall(SYS_tgkill, getpid(), mapper, 0) == 0)
        sched_yield();
    if (errno != ESRCH)
        _exit(3);
}

static void fail_half_way(void)
{
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || munmap(p + PAGE, PAGE) != 0)
        _exit(4);
    if (mprotect(p, 4 * PAGE, PROT_READ) != -1 || errno != ENOMEM)
        _exit(5);
}

int main(void)
{
    int status;
    pid_t child = fork();
    if (child < 0)
        return 6;
    if (child == 0) {
        run_mapper_to_its_end();
        fail_half_way();
        map_itself();
        print_own_maps(-1, -1);
        _exit(0);
    }
    return waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : 7;
}
