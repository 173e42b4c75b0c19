// axe in both themes with every panel open; narrow windows; forced colours; what print and readers without scripts get.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { check, done, equal, file, launch, open, until } from "./browser.mjs";
import { makeReport } from "./fixture.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const path = file("report.html", makeReport({ events: 400 })), small = file("empty.html", makeReport({ empty: true, processes: 1 }));
const { context, page, noise } = await launch();

/* All rules on all elements, or on those of one panel where only that changed; but only those that violate one are
 * described, which takes longer than finding them. */
async function audit(what, part) {
    await page.evaluate(axe);
    const result = await page.evaluate((part) => window.axe.run(part ?? document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"] }), part);
    for (const v of result.violations) check(false, `${what}: ${v.id}, ${v.nodes.length} x ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].failureSummary.slice(0, 300)}`);
    console.log(`${what}: ${result.passes.length} rules passed, ${result.violations.length} violated`);
    check(result.passes.length > (part ? 10 : 20), what + ": axe ran");
}

/* Every panel open and filled, as it is before printing. */
async function showAll() {
    await page.evaluate(async () => {
        for (const d of document.querySelectorAll("details")) d.open = true;
        await new Promise((done) => setTimeout(done, 100));
        panels.everything();
        await new Promise((done) => setTimeout(done, 500));
    });
}

for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    await open(page, path, "#v=1&m=diff&a=3&hide=f3,m0&fold=1&mark=30000000~cache%20is%20full&re=1&q=(");
    await showAll();
    await audit(scheme);
    await page.evaluate(() => window.brkwater.change({ sel: "e100" }));
    await until(page, () => /event 100/.test(document.querySelector("#detail-body").textContent), "details");
    await audit(scheme + " with details", "#detail");
    await page.keyboard.press("Escape");
    for (const view of scheme === "light" ? ["tree", "table"] : []) {
        await page.evaluate((view) => document.querySelector("#view-" + view).click(), view);
        await page.locator("#sites-panel").scrollIntoViewIfNeeded();
        await page.waitForTimeout(300);
        await audit(`${scheme}, sites as ${view}`, "#sites-panel");
    }
    if (scheme === "dark") continue;
    await open(page, small);
    await showAll();
    await audit(scheme + ", an empty trace");
}
await page.emulateMedia({ colorScheme: "light" });

for (const [width, height] of [[320, 640], [3840, 2160]]) {
    await page.setViewportSize({ width, height });
    await open(page, path, "#v=1&hide=f3,m0&mark=30000000~" + "x".repeat(60));
    await showAll();
    const wide = await page.evaluate(() => ({ page: document.documentElement.scrollWidth, window: window.innerWidth }));
    check(wide.page <= wide.window, `at ${width} px the page is ${wide.page} wide`);
}
await page.setViewportSize({ width: 1280, height: 900 });
await page.emulateMedia({ forcedColors: "active", reducedMotion: "reduce" });
await open(page, path);
check(await page.evaluate(() => document.getAnimations().length === 0), "nothing moves");
await page.emulateMedia({ forcedColors: "none" });
equal(noise, [], "noise");

// The live region speaks for the keyboard cursor.
await page.locator("#memory-box").focus();
await page.keyboard.press("Shift+ArrowLeft");
await until(page, () => /^B at .*resident/.test(document.querySelector("#live").textContent), "the cursor speaks");

// In print, and without scripts, what was found is there.
const pdf = await page.pdf();
check(pdf.length > 20000, "print");
const silent = await launch({ javaScriptEnabled: false });
await silent.page.goto("file://" + path);
const shown = await silent.page.locator("body").innerText();
for (const word of ["./server --port 8080", "heap-pinned", "239M of free heap", "Kinds of memory", "parse_row", "JavaScript"]) check(shown.includes(word), "without scripts: " + word);
equal(silent.noise, [], "noise without scripts");
await silent.context.close();
await done(context);
