/* variants: static */
/*
 * attach-waits.c COPIES [WAY]...: threads that wait in every way there is, or in these, COPIES of each way, until a
 * line comes on standard input. Each knows how its wait must end, and says so when it ends otherwise: with EINTR, too
 * early, with another value.
 *
 * Prints "ready" once all are at work, and at the end "rounds N errors M" and the errors.  Ends with 1 when there were
 * some.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MS = 1000000, SHORT = 3 * MS, LONG = 3600 };

static atomic_bool ending;
static atomic_ulong rounds, errors;
static pthread_barrier_t ready;

/* What a way to wait needs for itself. */
struct own {
    int a, b, id;
    atomic_int word;
    pthread_t thread, partner;
    unsigned count;
    unsigned long number;
    atomic_bool over;
};

static void wrong(const char *what, long got)
{
    int error = errno;
    if (atomic_fetch_add(&errors, 1) < 50)
        fprintf(stderr, "attach-waits: %s: %ld, errno %s\n", what, got, strerrorname_np(error));
}

#define EXPECT(condition, what, got)                                                                                   \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            wrong(what, (long)(got));                                                                                  \
    } while (0)

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void not_before(uint64_t begin, uint64_t least, const char *what)
{
    errno = 0;
    if (now() - begin < least)
        wrong(what, (long)(now() - begin));
}

static void make_pair(struct own *o)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        abort();
    o->a = fds[0];
    o->b = fds[1];
}

/* ---- waits with a timeout ---- */

static void wait_nanosleep(struct own *o)
{
    struct timespec t = {0, SHORT};
    uint64_t begin = now();
    (void)o;
    int got = nanosleep(&t, NULL);
    EXPECT(got == 0, "nanosleep", got);
    not_before(begin, SHORT, "nanosleep too short");
}

static void wait_clock(struct own *o)
{
    struct timespec t;
    (void)o;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += SHORT;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    int got = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    EXPECT(got == 0, "clock_nanosleep", got);
}

static void wait_poll(struct own *o)
{
    struct pollfd p = {o->a, POLLIN, 0};
    uint64_t begin = now();
    int got = poll(&p, 1, 4);
    EXPECT(got == 0, "poll", got);
    not_before(begin, 3 * MS, "poll too short");
}

static void wait_ppoll(struct own *o)
{
    struct pollfd p = {o->a, POLLIN, 0};
    struct timespec t = {0, SHORT};
    int got = ppoll(&p, 1, &t, NULL);
    EXPECT(got == 0, "ppoll", got);
}

static void wait_select(struct own *o)
{
    struct timeval t = {0, SHORT / 1000};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(o->a, &set);
    int got = select(o->a + 1, &set, NULL, NULL, &t);
    EXPECT(got == 0, "select", got);
}

static void make_epoll(struct own *o)
{
    struct epoll_event event = {.events = EPOLLIN};
    make_pair(o);
    o->id = epoll_create1(0);
    epoll_ctl(o->id, EPOLL_CTL_ADD, o->a, &event);
}

static void wait_epoll(struct own *o)
{
    struct epoll_event event;
    uint64_t begin = now();
    int got = epoll_wait(o->id, &event, 1, 4);
    EXPECT(got == 0, "epoll_wait", got);
    not_before(begin, 3 * MS, "epoll_wait too short");
}

static void wait_futex(struct own *o)
{
    struct timespec t = {0, SHORT};
    long got = syscall(SYS_futex, &o->word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0);
    EXPECT(got == -1 && errno == ETIMEDOUT, "futex", got);
}

static void make_recv(struct own *o)
{
    struct timeval t = {0, SHORT / 1000};
    make_pair(o);
    setsockopt(o->a, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
}

static void wait_recv(struct own *o)
{
    char c;
    ssize_t got = o->count++ % 2 ? recv(o->a, &c, 1, 0) : read(o->a, &c, 1);
    EXPECT(got == -1 && errno == EAGAIN, "recv with a timeout", got);
}

static void wait_sigtimedwait(struct own *o)
{
    struct timespec t = {0, SHORT};
    sigset_t set;
    (void)o;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 5);
    int got = sigtimedwait(&set, NULL, &t);
    EXPECT(got == -1 && errno == EAGAIN, "sigtimedwait", got);
}

static void make_sem(struct own *o)
{
    o->id = semget(IPC_PRIVATE, 1, 0600);
    if (o->id < 0)
        abort();
}

static void free_sem(struct own *o)
{
    semctl(o->id, 0, IPC_RMID);
}

static void wait_semtimedop(struct own *o)
{
    struct timespec t = {0, SHORT};
    struct sembuf op = {0, -1, 0};
    int got = semtimedop(o->id, &op, 1, &t);
    EXPECT(got == -1 && errno == EAGAIN, "semtimedop", got);
}

/* ---- waits that a partner ends ---- */

static void pause_short(void)
{
    struct timespec t = {0, SHORT};
    nanosleep(&t, NULL);
}

static void *writer(void *context)
{
    struct own *o = context;
    for (char c = 0; !atomic_load(&o->over); c++) {
        pause_short();
        while (write(o->b, &c, 1) < 0 && errno == EINTR)
            wrong("write", -1);
    }
    return NULL;
}

static void make_read(struct own *o)
{
    make_pair(o);
    pthread_create(&o->partner, NULL, writer, o);
}

static void wait_read(struct own *o)
{
    char c = 0;
    ssize_t got = o->count % 2 ? recv(o->a, &c, 1, 0) : read(o->a, &c, 1);
    EXPECT(got == 1 && c == (char)o->count, "read", got);
    o->count++;
}

static void *connecter(void *context)
{
    struct own *o = context;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(address);
    getsockname(o->a, (struct sockaddr *)&address, &size);
    while (!atomic_load(&o->over)) {
        pause_short();
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        int got = connect(fd, (struct sockaddr *)&address, size);
        EXPECT(got == 0, "connect", got);
        close(fd);
    }
    return NULL;
}

static void make_accept(struct own *o)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    o->a = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(o->a, (struct sockaddr *)&address, sizeof(sa_family_t)); /* unix(7): autobind */
    listen(o->a, 100);
    pthread_create(&o->partner, NULL, connecter, o);
}

static void wait_accept(struct own *o)
{
    int got = accept(o->a, NULL, NULL);
    EXPECT(got >= 0, "accept", got);
    if (got >= 0)
        close(got);
}

static void *queuer(void *context)
{
    struct own *o = context;
    for (int i = 0; !atomic_load(&o->over); i++) {
        pause_short();
        pthread_sigqueue(o->thread, SIGRTMIN + 6, (union sigval){.sival_int = i});
    }
    return NULL;
}

static void make_sigwait(struct own *o)
{
    o->thread = pthread_self();
    pthread_create(&o->partner, NULL, queuer, o);
}

static void wait_sigwait(struct own *o)
{
    siginfo_t info = {0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 6);
    int got = sigwaitinfo(&set, &info);
    EXPECT(got == SIGRTMIN + 6 && info.si_value.sival_int == (int)o->count, "sigwaitinfo", got);
    o->count = got > 0 ? (unsigned)info.si_value.sival_int + 1 : o->count;
}

static void *semaphore_giver(void *context)
{
    struct own *o = context;
    struct sembuf op = {0, 1, 0};
    while (!atomic_load(&o->over)) {
        pause_short();
        int got = semop(o->id, &op, 1);
        EXPECT(got == 0, "semop that gives", got);
    }
    return NULL;
}

static void make_semop(struct own *o)
{
    make_sem(o);
    pthread_create(&o->partner, NULL, semaphore_giver, o);
}

static void wait_semop(struct own *o)
{
    struct sembuf op = {0, -1, 0};
    int got = semop(o->id, &op, 1);
    EXPECT(got == 0, "semop", got);
}

static void *sender(void *context)
{
    struct own *o = context;
    struct {
        long type;
        char text[8];
    } message = {1, "text"};
    while (!atomic_load(&o->over)) {
        pause_short();
        int got = msgsnd(o->id, &message, sizeof(message.text), 0);
        EXPECT(got == 0, "msgsnd", got);
    }
    return NULL;
}

static void make_msg(struct own *o)
{
    o->id = msgget(IPC_PRIVATE, 0600);
    pthread_create(&o->partner, NULL, sender, o);
}

static void free_msg(struct own *o)
{
    msgctl(o->id, IPC_RMID, NULL);
}

static void wait_msg(struct own *o)
{
    struct {
        long type;
        char text[8];
    } message;
    ssize_t got = msgrcv(o->id, &message, sizeof(message.text), 0, 0);
    EXPECT(got == sizeof(message.text), "msgrcv", got);
}

static void *waker(void *context)
{
    struct own *o = context;
    while (!atomic_load(&o->over)) {
        pause_short();
        atomic_fetch_add(&o->word, 1);
        syscall(SYS_futex, &o->word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    }
    return NULL;
}

static void make_woken(struct own *o)
{
    pthread_create(&o->partner, NULL, waker, o);
}

static void wait_woken(struct own *o)
{
    int seen = atomic_load(&o->word);
    long got = syscall(SYS_futex, &o->word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    EXPECT(got == 0 || errno == EAGAIN, "futex", got);
}

/* ---- children ---- */

static void wait_child(struct own *o)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        pause_short();
        _exit(o->count & 0x7f);
    }
    pid_t got = pid > 0 ? waitpid(pid, &status, 0) : pid;
    EXPECT(got == pid && WIFEXITED(status) && WEXITSTATUS(status) == (int)(o->count & 0x7f), "waitpid", got);
    o->count++;
}

static void wait_vfork(struct own *o)
{
    int status = 0;
    (void)o;
    pid_t pid = vfork();
    if (pid == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(9);
    }
    pid_t got = pid > 0 ? waitpid(pid, &status, 0) : pid;
    EXPECT(got == pid && status == 0, "vfork", status);
    pause_short(); /* a new program costs as much as all the other ways together */
}

/* The child sleeps before it lets its parent go on. */
static void wait_slow_vfork(struct own *o)
{
    int status = 0;
    (void)o;
    pid_t pid = vfork();
    if (pid == 0) {
        struct timespec t = {0, 10 * MS};
        syscall(SYS_nanosleep, &t, NULL);
        _exit(7);
    }
    pid_t got = pid > 0 ? waitpid(pid, &status, 0) : pid;
    EXPECT(got == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7, "slow vfork", status);
}

/* ---- no waits ---- */

static void run_busy(struct own *o)
{
    uint64_t sum = o->number, again = o->number;
    for (int i = 0; i < 200000; i++)
        sum = sum * 6364136223846793005u + 1442695040888963407u;
    for (int i = 0; i < 200000; i++)
        again = again * 6364136223846793005u + 1442695040888963407u;
    EXPECT(sum == again, "arithmetic", sum);
    o->number = sum;
    pause_short();
}

static void run_maps(struct own *o)
{
    size_t size = 4096 * (1 + o->count++ % 7);
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(at != MAP_FAILED, "mmap", 0);
    if (at == MAP_FAILED)
        return;
    memset(at, 5, size);
    EXPECT(mprotect(at, size, PROT_READ) == 0 && at[size - 1] == 5, "mprotect", at[size - 1]);
    EXPECT(munmap(at, size) == 0, "munmap", 0);
    if (o->count % 16 == 0)
        pause_short();
}

static void *nothing(void *context)
{
    return context;
}

static void run_threads(struct own *o)
{
    pthread_t thread;
    void *got = NULL;
    int error = pthread_create(&thread, NULL, nothing, o);
    EXPECT(error == 0 && pthread_join(thread, &got) == 0 && got == o, "pthread_create", error);
    pause_short();
}

/* ---- waits that only the end ends ---- */

static int end_pipe[2];

static void forever_read(struct own *o)
{
    char c;
    (void)o;
    ssize_t got = read(end_pipe[0], &c, 1);
    EXPECT(got == 0 && atomic_load(&ending), "read that nobody ends", got);
}

static void make_forever_epoll(struct own *o)
{
    struct epoll_event event = {.events = EPOLLIN};
    o->id = epoll_create1(0);
    epoll_ctl(o->id, EPOLL_CTL_ADD, end_pipe[0], &event);
}

static void forever_epoll(struct own *o)
{
    struct epoll_event event;
    int got = epoll_wait(o->id, &event, 1, -1);
    EXPECT(got == 1 && atomic_load(&ending), "epoll_wait that nobody ends", got);
}

static void forever_poll(struct own *o)
{
    struct pollfd p = {end_pipe[0], POLLIN, 0};
    (void)o;
    int got = poll(&p, 1, LONG * 1000);
    EXPECT(got == 1 && atomic_load(&ending), "poll that nobody ends", got);
}

static const struct way {
    const char *name;
    void (*make)(struct own *o);
    void (*round)(struct own *o);
    void (*free)(struct own *o);
} ways[] = {
    {"nanosleep", NULL, wait_nanosleep, NULL},
    {"clock", NULL, wait_clock, NULL},
    {"poll", make_pair, wait_poll, NULL},
    {"ppoll", make_pair, wait_ppoll, NULL},
    {"select", make_pair, wait_select, NULL},
    {"epoll", make_epoll, wait_epoll, NULL},
    {"futex", NULL, wait_futex, NULL},
    {"woken", make_woken, wait_woken, NULL},
    {"read", make_read, wait_read, NULL},
    {"recv", make_recv, wait_recv, NULL},
    {"accept", make_accept, wait_accept, NULL},
    {"sigtimedwait", NULL, wait_sigtimedwait, NULL},
    {"sigwait", make_sigwait, wait_sigwait, NULL},
    {"semtimedop", make_sem, wait_semtimedop, free_sem},
    {"semop", make_semop, wait_semop, free_sem},
    {"msgrcv", make_msg, wait_msg, free_msg},
    {"child", NULL, wait_child, NULL},
    {"vfork", NULL, wait_vfork, NULL},
    {"slow-vfork", NULL, wait_slow_vfork, NULL},
    {"busy", NULL, run_busy, NULL},
    {"maps", NULL, run_maps, NULL},
    {"threads", NULL, run_threads, NULL},
    {"forever-read", NULL, forever_read, NULL},
    {"forever-epoll", make_forever_epoll, forever_epoll, NULL},
    {"forever-poll", NULL, forever_poll, NULL},
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void *work(void *context)
{
    const struct way *way = context;
    struct own o = {0};
    if (way->make)
        way->make(&o);
    pthread_barrier_wait(&ready);
    /* Once at least, also when the end came before this thread got a CPU. */
    do {
        way->round(&o);
        atomic_fetch_add(&rounds, 1);
    } while (!atomic_load(&ending));
    atomic_store(&o.over, true);
    if (o.partner)
        pthread_join(o.partner, NULL);
    if (way->free)
        way->free(&o);
    return NULL;
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    bool wanted = argc <= 2;
    for (int i = 2; i < argc; i++)
        wanted |= strcmp(name, argv[i]) == 0;
    return wanted;
}

int main(int argc, char **argv)
{
    int copies = argc > 1 ? atoi(argv[1]) : 1, count = 0;
    pthread_t *threads = calloc((size_t)copies * WAYS, sizeof(*threads));
    sigset_t set;
    char line[64];
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 5);
    sigaddset(&set, SIGRTMIN + 6);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (!threads || pipe(end_pipe) < 0)
        return 2;
    for (int i = 0; i < WAYS * copies; i++)
        count += is_wanted(ways[i % WAYS].name, argc, argv);
    pthread_barrier_init(&ready, NULL, (unsigned)count + 1);
    count = 0;
    for (int i = 0; i < WAYS * copies; i++) {
        if (!is_wanted(ways[i % WAYS].name, argc, argv))
            continue;
        if (pthread_create(&threads[count++], NULL, work, (void *)&ways[i % WAYS]))
            return 2;
    }
    pthread_barrier_wait(&ready);
    printf("ready %d\n", count);
    fflush(stdout);
    ssize_t got = read(0, line, sizeof(line));
    EXPECT(got > 0, "read of standard input", got);
    atomic_store(&ending, true);
    close(end_pipe[1]);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("rounds %lu errors %lu\n", atomic_load(&rounds), atomic_load(&errors));
    free(threads);
    return errors ? 1 : 0;
}
