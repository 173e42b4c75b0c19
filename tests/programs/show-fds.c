/* show-fds.c FILE: writes to FILE which descriptors are open, what they are, and their flags. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char text[65536];
    size_t size = 0;
    if (argc != 2)
        return 2;
    for (int fd = 0; fd < 1024; fd++) {
        struct stat status;
        int flags = fcntl(fd, F_GETFL), descriptor_flags = fcntl(fd, F_GETFD);
        if (descriptor_flags < 0 || fstat(fd, &status) != 0)
            continue;
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%d type %o flags %#x close-on-exec %d\n", fd,
                                 status.st_mode & S_IFMT, (unsigned)flags, descriptor_flags);
        if (size >= sizeof(text))
            return 3;
    }
    int out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return out >= 0 && write(out, text, size) == (ssize_t)size ? 0 : 4;
}
