/*
 * sharedmem.c: two processes over POSIX shared memory and over System V shared memory.
 *
 * The parent makes a segment of either sort and forks.  It writes a thousand numbers to the POSIX
 * segment; the child writes their squares to the System V one, which the parent checks.  They take
 * turns by a byte through a pipe: unlike a semaphore, a pipe also tells when the other process died.
 * Both segments lose their names before they are used, so they are gone when the last of the two
 * processes ends, however it ends.
 *
 * What the report should show:
 * - in the parent, before the fork: an mmap of 16384 bytes, rw-, MAP_SHARED, of a file in /dev/shm
 *   that is deleted, and a shmat which maps 32768 bytes, rw-;
 * - a second process, whose address space begins as a copy of the first: it holds both segments, at
 *   the same addresses, and they keep the parent's mmap and shmat as their origin;
 * - in the child: one more shmat, SHM_RDONLY, of the same 32768 bytes at another address, r--, and a
 *   shmdt which unmaps these; the 49152 inherited bytes are still mapped when it exits;
 * - in the parent, after the child's end: a munmap of 16384 bytes, a shmdt which unmaps 32768, and a
 *   last shmat, which fails with EINVAL because the segment does not exist any more;
 * - no other memory call in either process once the program is loaded; all these mappings are of kind
 *   shared, 49152 bytes at the peak in the parent and 81920 in the child, none at the parent's end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NUMBERS = 1000, POSIX_LENGTH = 16384, SYSV_LENGTH = 32768 };

/* The POSIX segment holds the numbers that the parent asks about, the System V one the child's answers. */
struct channel {
    uint32_t *questions;
    uint32_t *answers;
    int sysv_id;
    int to_child[2]; /* pipes: a byte means "your turn", end of file that the other process is gone */
    int to_parent[2];
};

static const char *who = "parent";

/* stdout gets a buffer, or stdio would take one from malloc and that would be part of the story. */
static char output[256];

static void die_unless(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "sharedmem: %s: %s\n", who, what);
    _exit(1);
}

/* The name is removed at once: the segment lives while it is mapped, and no failure leaves it behind. */
static uint32_t *map_posix(void)
{
    char name[64];
    void *map;
    int fd;

    snprintf(name, sizeof(name), "/brkwater-sharedmem-%jd", (intmax_t)getpid());
    fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    die_unless(fd >= 0, "shm_open failed");
    die_unless(shm_unlink(name) == 0, "shm_unlink failed");
    die_unless(ftruncate(fd, POSIX_LENGTH) == 0, "ftruncate failed");
    map = mmap(NULL, POSIX_LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    die_unless(map != MAP_FAILED, "cannot map the POSIX segment");
    close(fd);
    return map;
}

/* Marked for removal whether it was attached or not: it goes when the last process that uses it goes. */
static uint32_t *attach_sysv(int *ret_id)
{
    int id = shmget(IPC_PRIVATE, SYSV_LENGTH, IPC_CREAT | 0600);
    void *map;

    die_unless(id >= 0, "shmget failed");
    map = shmat(id, NULL, 0);
    die_unless(shmctl(id, IPC_RMID, NULL) == 0, "cannot mark the System V segment for removal");
    die_unless(map != (void *)-1, "cannot attach the System V segment");
    *ret_id = id;
    return map;
}

static void pass_turn(int fd)
{
    die_unless(write(fd, "", 1) == 1, "cannot pass the turn");
}

static void await_turn(int fd)
{
    char byte;

    die_unless(read(fd, &byte, 1) == 1, "the other process is gone");
}

/* Answers every question with its square, and looks at the answers through a second, read-only view. */
static void answer(const struct channel *channel)
{
    const uint32_t *view = shmat(channel->sysv_id, NULL, SHM_RDONLY);

    die_unless(view != (void *)-1, "cannot attach the System V segment a second time");
    printf("child:  POSIX %p (inherited), System V %p (inherited) and %p (read-only)\n", (void *)channel->questions,
           (void *)channel->answers, (const void *)view);
    await_turn(channel->to_child[0]);
    for (uint32_t i = 0; i < NUMBERS; i++) {
        channel->answers[i] = channel->questions[i] * channel->questions[i];
        die_unless(view[i] == channel->answers[i], "two views of one segment differ");
    }
    pass_turn(channel->to_parent[1]);
    die_unless(shmdt(view) == 0, "shmdt failed");
}

static void ask(const struct channel *channel)
{
    for (uint32_t i = 0; i < NUMBERS; i++)
        channel->questions[i] = i + 7;
    pass_turn(channel->to_child[1]);
    await_turn(channel->to_parent[0]);
    for (uint32_t i = 0; i < NUMBERS; i++)
        die_unless(channel->answers[i] == (i + 7) * (i + 7), "the child gave a wrong answer");
}

static void run_child(struct channel *channel)
{
    who = "child";
    close(channel->to_child[1]);
    close(channel->to_parent[0]);
    answer(channel);
    _exit(0);
}

int main(void)
{
    struct channel channel;
    pid_t child;
    int status;

    setvbuf(stdout, output, _IOLBF, sizeof(output));
    /* A write to a process that has died is an error to report, not a signal to die of. */
    signal(SIGPIPE, SIG_IGN);
    die_unless(pipe(channel.to_child) == 0 && pipe(channel.to_parent) == 0, "pipe failed");
    channel.questions = map_posix();
    channel.answers = attach_sysv(&channel.sysv_id);
    printf("parent: POSIX %p, %d bytes; System V %p, %d bytes\n", (void *)channel.questions, POSIX_LENGTH,
           (void *)channel.answers, SYSV_LENGTH);

    child = fork();
    die_unless(child >= 0, "fork failed");
    if (child == 0)
        run_child(&channel);
    close(channel.to_child[0]);
    close(channel.to_parent[1]);
    ask(&channel);
    die_unless(waitpid(child, &status, 0) == child, "waitpid failed");
    die_unless(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child failed");

    die_unless(munmap(channel.questions, POSIX_LENGTH) == 0, "munmap failed");
    die_unless(shmdt(channel.answers) == 0, "shmdt failed");
    die_unless(shmat(channel.sysv_id, NULL, 0) == (void *)-1 && errno == EINVAL,
               "the System V segment outlived both processes");
    printf("parent: %d answers were right; both segments are gone\n", NUMBERS);
    return 0;
}
