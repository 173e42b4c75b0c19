/* debuginfod.c: debug files from servers. */
#include "debuginfod.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_SECONDS = 120 }; /* of waiting, over all files */

/* What is used of libdebuginfod.  Source: debuginfod_find_debuginfo(3). */
typedef struct debuginfod_client client_t;
typedef client_t *begin_function(void);
typedef void end_function(client_t *client);
typedef int find_function(client_t *client, const unsigned char *id, int size, char **ret_path);

struct debuginfod_servers {
    void *library;
    client_t *client;
    end_function *end;
    find_function *find;
    time_t waited; /* seconds */
};

static time_t now(void)
{
    struct timespec time = {0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

/* C has no conversion from an object's address to a function's; POSIX promises that this works. */
static void load(void *library, const char *name, void *ret_function)
{
    *(void **)ret_function = dlsym(library, name);
}

static int begin(struct debuginfod_servers *servers)
{
    begin_function *begin_client = NULL;
    load(servers->library, "debuginfod_begin", &begin_client);
    load(servers->library, "debuginfod_end", &servers->end);
    load(servers->library, "debuginfod_find_debuginfo", &servers->find);
    if (!begin_client || !servers->end || !servers->find)
        return -ENOENT;
    servers->client = begin_client();
    return servers->client ? 0 : -ENOENT;
}

struct debuginfod_servers *debuginfod_servers_new(void)
{
    const char *urls = getenv("DEBUGINFOD_URLS");
    struct debuginfod_servers *servers = urls && *urls ? calloc(1, sizeof(*servers)) : NULL;
    if (!servers)
        return NULL;
    /* NODELETE: what libcurl and the libraries below it keep for the whole process would be lost with them. */
    servers->library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!servers->library || begin(servers) < 0) {
        debuginfod_servers_free(servers);
        return NULL;
    }
    return servers;
}

void debuginfod_servers_free(struct debuginfod_servers *servers)
{
    if (!servers)
        return;
    if (servers->client)
        servers->end(servers->client);
    if (servers->library)
        dlclose(servers->library);
    free(servers);
}

int debuginfod_servers_find(struct debuginfod_servers *servers, const unsigned char *id, size_t size)
{
    if (servers->waited > MAX_SECONDS)
        return -ETIME;
    time_t began = now();
    int fd = servers->find(servers->client, id, (int)size, NULL);
    servers->waited += now() - began;
    return fd < 0 ? -ENOENT : fd;
}
