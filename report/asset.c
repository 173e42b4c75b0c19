/* asset.c: files of report/ embedded by the assembler; paths are those from the top of the repository, where make runs.
 */
#include "asset.h"

#define EMBED(name, path)                                                                                              \
    __asm__(".pushsection .rodata, \"a\"\n" #name ":\n.incbin \"" path "\"\n" #name "_end:\n.byte 0\n.popsection\n");  \
    extern const char name[] __attribute__((visibility("hidden")));                                                    \
    extern const char name##_end[] __attribute__((visibility("hidden")))

EMBED(flame_css, "report/flame/flame.css");
EMBED(flame_js, "report/flame/flame.js");
EMBED(html_css, BRKWATER_BUILD "/report/html/report.css");
EMBED(html_body, "report/html/body.html");
EMBED(html_js, BRKWATER_BUILD "/report/html/report.js");
EMBED(html_css_hash, BRKWATER_BUILD "/report/html/report.css.hash");
EMBED(html_js_hash, BRKWATER_BUILD "/report/html/report.js.hash");

#define WHOLE(name)                                                                                                    \
    (struct text)                                                                                                      \
    {                                                                                                                  \
        name, (size_t)(name##_end - (name))                                                                            \
    }

struct text asset(enum asset which)
{
    switch (which) {
    case ASSET_FLAME_CSS:
        return WHOLE(flame_css);
    case ASSET_FLAME_JS:
        return WHOLE(flame_js);
    case ASSET_HTML_CSS:
        return WHOLE(html_css);
    case ASSET_HTML_JS:
        return WHOLE(html_js);
    case ASSET_HTML_BODY:
        return WHOLE(html_body);
    case ASSET_HTML_CSS_HASH:
        return WHOLE(html_css_hash);
    case ASSET_HTML_JS_HASH:
        return WHOLE(html_js_hash);
    }
    return (struct text){0};
}
