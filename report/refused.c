/* refused.c: the rule that refused, as a complaint. */
#include "refused.h"

#include "options.h"
#include "refusal_text.h"

#include <string.h>

int complain_refused(pid_t pid, int error)
{
    struct buffer line = {0};
    struct refusal refusal;
    if (refusal_find(pid, error, &refusal) == 0)
        refusal_text(&line, &refusal);
    if (line.size)
        complain(0, "%s", buffer_chars(&line));
    else
        complain(0, "cannot attach to %d: %s", (int)pid, strerror(error));
    buffer_free(&line);
    return EXIT_TROUBLE;
}
