/* asset.c: files of report/ embedded by the assembler; paths are those from the top of the repository, where make runs.
 */
#include "asset.h"

#define EMBED(name, path)                                                                                              \
    __asm__(".pushsection .rodata, \"a\"\n" #name ":\n.incbin \"" path "\"\n" #name "_end:\n.byte 0\n.popsection\n");  \
    extern const char name[] __attribute__((visibility("hidden")));                                                    \
    extern const char name##_end[] __attribute__((visibility("hidden")))

EMBED(flame_css, "report/flame/flame.css");
EMBED(flame_js, "report/flame/flame.js");

struct text asset(enum asset which)
{
    switch (which) {
    case ASSET_FLAME_CSS:
        return (struct text){flame_css, (size_t)(flame_css_end - flame_css)};
    case ASSET_FLAME_JS:
        return (struct text){flame_js, (size_t)(flame_js_end - flame_js)};
    }
    return (struct text){0};
}
