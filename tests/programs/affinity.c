/*
 * affinity.c MODE [wait]: prints the CPUs that it may run on, in situations where a tracer could have changed them.
 * With `wait` it makes memory calls before each until /proc/thread-self/status shows that it is kept on one CPU, and
 * ends with 1 if that never happens.  What it prints must be the same without a tracer and without `wait`.  With LONG
 * in its environment it makes three times as many rounds.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 60, STORM = 300 };

static bool waits;
static cpu_set_t whole; /* what the program was started with */
static int last;        /* the highest CPU of it */

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "affinity: %s (errno %d)\n", what, errno);
    _exit(1);
}

/* ---- making calls, and being kept on one CPU for it ---- */

static void storm(void)
{
    for (int i = 0; i < STORM; i++) {
        void *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || munmap(p, 8192) != 0)
            _exit(2);
    }
}

/* The number of CPUs in the kernel's own list. */
static int listed(void)
{
    char text[4096], *p;
    int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC), count = 0;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    close(fd);
    require(size > 0, "status cannot be read");
    text[size] = '\0';
    p = strstr(text, "\nCpus_allowed_list:\t");
    require(p != NULL, "no Cpus_allowed_list");
    p += strlen("\nCpus_allowed_list:\t");
    while (*p && *p != '\n') {
        long from = strtol(p, &p, 10), to = *p == '-' ? strtol(p + 1, &p, 10) : from;
        count += (int)(to - from + 1);
        p += *p == ',';
    }
    return count;
}

static int rounds(int count)
{
    return getenv("LONG") ? 3 * count : count;
}

static bool is_over(time_t begin)
{
    return time(NULL) - begin > PATIENCE;
}

static void be_pinned(void)
{
    time_t begin = time(NULL);
    storm();
    while (waits && listed() != 1) {
        require(!is_over(begin), "never kept on one CPU");
        storm();
    }
}

/* ---- what it is told ---- */

static void show(const char *what, const cpu_set_t *set)
{
    char line[4200];
    size_t used = (size_t)snprintf(line, sizeof(line), "%s:", what);
    for (int cpu = 0; cpu < CPU_SETSIZE && used < sizeof(line) - 8; cpu++)
        if (CPU_ISSET((size_t)cpu, set))
            used += (size_t)snprintf(line + used, sizeof(line) - used, " %d", cpu);
    line[used++] = '\n';
    require(write(STDOUT_FILENO, line, used) == (ssize_t)used, "write");
}

static void show_of(const char *what, pid_t tid)
{
    cpu_set_t set;
    require(sched_getaffinity(tid, sizeof(set), &set) == 0, "sched_getaffinity");
    show(what, &set);
}

static cpu_set_t only(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return set;
}

static void show_list(const char *what)
{
    printf("%s: %d listed\n", what, listed());
    fflush(stdout);
}

/* ---- situations ---- */

static void self(void)
{
    for (int i = 0; i < rounds(7); i++) {
        be_pinned();
        show_of("self", 0);
        be_pinned();
        show_of("self by number", (pid_t)syscall(SYS_gettid));
    }
}

/* Some calls after another, as a loader makes them, with looks at the list: no thread may be kept for so little.  From
 * the entry of a call until after its exit it is kept, and a tracer that waits for a CPU itself gives it back a little
 * late: but not each time. */
static void few(void)
{
    int most = 0;
    for (int i = 0; i < 60; i++) {
        munmap(mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 8192);
        const int now = i < 50 ? 0 : listed();
        most = now > most ? now : most;
    }
    printf("after few calls: %d listed\n", most);
    fflush(stdout);
}

static void *in_thread(void *argument)
{
    show_list("new thread");
    show_of("new thread", 0);
    return argument;
}

static void thread(void)
{
    pthread_t one;
    for (int i = 0; i < rounds(4); i++) {
        be_pinned();
        require(pthread_create(&one, NULL, in_thread, NULL) == 0, "pthread_create");
        pthread_join(one, NULL);
        show_of("parent", 0);
    }
}

/* vfork(2) in a function of its own: what its child clobbers is nobody's. */
static void make_child(bool shares)
{
    be_pinned();
    pid_t pid = shares ? vfork() : fork();
    require(pid >= 0, "fork");
    if (pid == 0) {
        show_list("child");
        show_of("child", 0);
        _exit(0);
    }
    require(waitpid(pid, NULL, 0) == pid, "waitpid");
    show_of("parent", 0);
}

static void by_fork(void)
{
    for (int i = 0; i < rounds(4); i++)
        make_child(i % 2);
}

static void by_exec(char **argv)
{
    be_pinned();
    execv("/proc/self/exe", (char *[]){argv[0], (char *)(uintptr_t) "few", NULL});
    require(false, "execv");
}

static void set(void)
{
    cpu_set_t one = only(last);
    for (int i = 0; i < rounds(2); i++) {
        be_pinned();
        require(sched_setaffinity(0, sizeof(one), &one) == 0, "sched_setaffinity");
        show_list("one set");
        storm();
        show_of("one", 0);
        require(sched_getcpu() == last, "it runs elsewhere");
        require(sched_setaffinity(0, sizeof(whole), &whole) == 0, "sched_setaffinity");
        be_pinned();
        show_of("all", 0);
    }
}

/* A thread that makes calls all the time while others look at it. */
static atomic_bool ready, done;
static atomic_int tid;

static void *busy(void *argument)
{
    tid = (int)syscall(SYS_gettid);
    be_pinned();
    ready = true;
    while (!done)
        storm();
    show_list("busy at the end");
    show_of("busy at the end", 0);
    return argument;
}

static void others(void)
{
    cpu_set_t one = only(last), seen;
    pthread_t thread;
    require(pthread_create(&thread, NULL, busy, NULL) == 0, "pthread_create");
    while (!ready)
        sched_yield();
    for (int i = 0; i < 200; i++) {
        require(sched_getaffinity(tid, sizeof(seen), &seen) == 0 && CPU_EQUAL(&seen, &whole), "another's mask");
        require(pthread_getaffinity_np(thread, sizeof(seen), &seen) == 0 && CPU_EQUAL(&seen, &whole), "its mask");
    }
    for (int i = 0; i < 100; i++) {
        require(sched_setaffinity(tid, sizeof(one), &one) == 0, "set by number");
        require(sched_getaffinity(tid, sizeof(seen), &seen) == 0 && CPU_EQUAL(&seen, &one), "one by number");
        require(pthread_setaffinity_np(thread, sizeof(whole), &whole) == 0, "set by handle");
        require(sched_getaffinity(tid, sizeof(seen), &seen) == 0 && CPU_EQUAL(&seen, &whole), "all by handle");
    }
    require(sched_setaffinity(tid, sizeof(one), &one) == 0, "set at the end");
    done = true;
    pthread_join(thread, NULL);
    show_of("main", 0);
}

/* sched_setattr(2): a deadline is given only to a thread that may run on every CPU.  Its runtime is more than it will
 * need: a thread that has used it up waits for its next period, and Linux 6.18 was seen to let one wait for ever. */
static void deadline(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attr = {.size = sizeof(attr), .policy = 6, .runtime = 20000000, .deadline = 100000000, .period = 100000000};
    struct sched_param none = {0};
    for (int i = 0; i < 3; i++) {
        be_pinned();
        long result = syscall(SYS_sched_setattr, 0, &attr, 0);
        printf("deadline: %ld %s\n", result, result ? strerrorname_np(errno) : "");
        fflush(stdout);
        sched_setscheduler(0, SCHED_OTHER, &none);
    }
    show_of("at the end", 0);
}

/* Says on which CPU it is kept, goes on making calls until it gets a line, shows what somebody else has made of its
 * mask meanwhile, and begins again until the input ends. */
static void outside(void)
{
    char line[16];
    ssize_t got;
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    do {
        require(sched_setaffinity(0, sizeof(whole), &whole) == 0, "sched_setaffinity");
        be_pinned();
        printf("kept: %d\n", sched_getcpu());
        fflush(stdout);
        while ((got = read(STDIN_FILENO, line, sizeof(line))) < 0)
            storm();
        storm();
        show_list("then");
        show_of("then", 0);
    } while (got > 0);
}

/* Is kept, if there is time for it, and then, after recording has ended, no more. */
static void ends(void)
{
    time_t begin = time(NULL);
    for (int i = 0; i < 20 && listed() != 1; i++)
        storm();
    for (int free = 0; free < 60; free = listed() == 1 ? 0 : free + 1) {
        require(!is_over(begin), "still kept on one CPU");
        storm();
    }
    show_list("at the end");
    show_of("at the end", 0);
}

static void never(void)
{
    for (int i = 0; i < 100; i++) {
        storm();
        require(listed() == CPU_COUNT(&whole), "kept on one CPU");
    }
    show_list("never kept");
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {{"self", self},     {"few", few},           {"thread", thread},   {"fork", by_fork}, {"set", set},
                 {"others", others}, {"deadline", deadline}, {"outside", outside}, {"ends", ends},    {"never", never}};
    require(sched_getaffinity(0, sizeof(whole), &whole) == 0, "sched_getaffinity");
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET((size_t)cpu, &whole))
            last = cpu;
    waits = argc > 2 && CPU_COUNT(&whole) > 1;
    show("at the start", &whole);
    if (strcmp(mode, "exec") == 0)
        by_exec(argv);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(mode, modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    return 2;
}
