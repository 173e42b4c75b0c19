/* seccomp-traceme.c: asks to be traced by its parent, ptrace(2), and prints how that ended; an already traced
 * process gets EPERM. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(void)
{
    char line[64];
    long ret = ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    int length = snprintf(line, sizeof(line), "TRACEME: %s\n", ret == 0 ? "0" : strerrorname_np(errno));
    return write(STDOUT_FILENO, line, (size_t)length) == length ? 0 : 1;
}
