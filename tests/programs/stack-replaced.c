/* variants: noid */
/* stack-replaced.c WHEN [OTHER]: move OTHER over this program's own file, or remove it, before or after a first stack
 * ("before", "after"); then state stacks. */
#include "stated.h"

static NOINLINE void leaf_of_replaced(void)
{
    HERE();
    STATE("complete");
}

static NOINLINE void replaced(int count)
{
    HERE();
    if (count)
        CALL(replaced(count - 1));
    else
        CALL(leaf_of_replaced());
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (strcmp(argv[1], "after") == 0)
        CALL(replaced(1));
    if (argc == 3 ? rename(argv[2], argv[0]) : unlink(argv[0]))
        return 1;
    for (int i = 0; i < 3; i++)
        CALL(replaced(i));
    return 0;
}
