// What people do: mouse, wheel, keys alone; findings, search, A and B, long tables, exports.
import { readFileSync } from "node:fs";
import { check, done, equal, file, launch, open, until } from "./browser.mjs";
import { makeReport, makeRun } from "./fixture.mjs";

const path = file("report.html", makeReport({ events: 6000 }));
const { context, page, noise } = await launch();
await open(page, path);
const state = () => page.evaluate(() => ({ ...window.brkwater.state, hidden: [...window.brkwater.state.hidden], end: window.brkwater.model.end }));
const text = (selector) => page.evaluate((s) => document.querySelector(s).textContent, selector);
const settle = () => page.waitForTimeout(700);

// Drag a range, pan it, go back.
await page.locator("#memory-box").scrollIntoViewIfNeeded();
const box = await page.locator("#memory-box").boundingBox();
const at = (x, y = 0.5) => [box.x + box.width * x, box.y + box.height * y];
await page.mouse.move(...at(0.25));
await page.mouse.down();
await page.mouse.move(...at(0.5), { steps: 4 });
await page.mouse.up();
await until(page, () => window.brkwater.state.t0 > 0, "a range was dragged");
let s = await state();
check(Math.abs(s.t0 / s.end - 0.25) < 0.01 && Math.abs(s.t1 / s.end - 0.5) < 0.01, `dragged ${s.t0 / s.end} to ${s.t1 / s.end}`);
await page.keyboard.press("z");
await until(page, () => window.brkwater.state.t0 === 0, "back");

// The wheel scrolls the page, and zooms with Ctrl.
await page.evaluate(() => document.activeElement.blur());
await page.mouse.move(...at(0.5));
await page.mouse.wheel(0, -100);
await settle();
equal((await state()).t0, 0, "a plain wheel does not zoom");
await page.locator("#memory-box").scrollIntoViewIfNeeded();
const again = await page.locator("#memory-box").boundingBox();
await page.mouse.move(again.x + again.width / 2, again.y + again.height / 2);
await page.keyboard.down("Control");
await page.mouse.wheel(0, -300);
await page.keyboard.up("Control");
await until(page, () => window.brkwater.state.t0 > 0, "ctrl-wheel zooms");
await page.keyboard.press("0");
await until(page, () => window.brkwater.state.t0 === 0 && window.brkwater.state.t1 === window.brkwater.model.end, "whole run");

// Click: A. Shift-click: B.
const now = await page.locator("#memory-box").boundingBox();
await page.mouse.click(now.x + now.width * 0.3, now.y + 60);
await page.keyboard.down("Shift");
await page.mouse.click(now.x + now.width * 0.8, now.y + 60);
await page.keyboard.up("Shift");
await until(page, () => window.brkwater.state.a !== null && window.brkwater.state.b !== null, "cursors");
s = await state();
check(Math.abs(s.a / s.end - 0.3) < 0.01 && Math.abs(s.b / s.end - 0.8) < 0.01, "cursors are where they were put");
await page.locator("#changes-panel").scrollIntoViewIfNeeded();
await until(page, () => /mapped from A/.test(document.querySelector("#changes-note").textContent), "what changed");

// Hover tells values.
await page.locator("#memory-box").scrollIntoViewIfNeeded();
const hover = await page.locator("#memory-box").boundingBox();
await page.mouse.move(hover.x + 200, hover.y + 80);
await until(page, () => !document.querySelector("#tip").hidden && /resident/.test(document.querySelector("#tip").textContent), "tooltip");

// A finding shows its range and its stack.
await page.locator("[data-finding='1'] .primary").click();
await until(page, () => window.brkwater.state.t0 > 0 && window.brkwater.state.sel[0] === "s" && !document.querySelector("#detail").hidden, "a finding was shown");
await until(page, () => /session_new/.test(document.querySelector("#detail-body").textContent), "its stack is there");
const shown = await page.evaluate(() => {
    const { state, model } = window.brkwater, { stack, kind, n } = model.lives, made = new Set();
    for (let i = 0; i < n; i++) if ("s" + stack[i] === state.sel) made.add(kind[i]);
    return { made: [...made].sort(), shown: model.kinds.map((name, k) => (name && !state.hidden.has(k) ? k : 0)).filter(Boolean).sort() };
});
check(shown.made.length > 0 && String(shown.made) === String(shown.shown), "a finding shows the kinds of memory that its stack makes: " + JSON.stringify(shown));
await page.keyboard.press("Escape");
await until(page, () => document.querySelector("#detail").hidden, "details are closed");

// Kinds can be hidden.
await page.keyboard.press("0");
await page.getByRole("button", { name: "Show all kinds" }).click();
await until(page, () => !window.brkwater.state.hidden.size, "all kinds are shown again");
await page.locator(".chip[data-kind=heap]").click();
await until(page, () => window.brkwater.state.hidden.size === 1, "heap is hidden");
await page.locator(".chip[data-kind=heap]").click();

await page.locator("#reset").click();

// Search: events, call sites and layout follow.
await page.locator("#query").fill("cache_grow");
await page.locator("#events-panel").scrollIntoViewIfNeeded();
await until(page, () => /of 5,9|of 6,|of \d,\d+ events/.test(document.querySelector("#events-note").textContent), "search in events");
check(/cache_grow/.test(await text("#events-rows tbody")), "rows that were found");
await page.locator("#query").fill("");
await until(page, () => window.brkwater.state.query === "", "search is empty again");

// The last row of a long table, and one by number.
await until(page, () => /^\d,\d+ events$/.test(document.querySelector("#events-note").textContent), "all events");
await page.evaluate(() => (document.querySelector("#events-rows").scrollTop = 1e9));
await until(page, () => [...document.querySelectorAll("#events-rows tbody tr")].some((row) => row.getAttribute("aria-rowindex") === String(window.brkwater.model.rows + 1)), "last row");
await page.locator("#event-go").fill("#1000");
await page.keyboard.press("Enter");
await until(page, () => document.querySelector("#events-rows tr.active button")?.textContent === "1,000", "event 1000");
await page.locator("#events-rows tr.active button").click();
await until(page, () => /event 1,000/.test(document.querySelector("#detail-body").textContent), "its details");
const call = await text("#detail .call");
check(/^(mmap|munmap|brk|mprotect|madvise)\(.*\) = /.test(call), call);
await page.keyboard.press("Escape");

// Exports.
await page.locator("#query").fill("index_open");
await settle();
const download = async (kind) => {
    const [got] = await Promise.all([page.waitForEvent("download"), page.locator("#export").selectOption(kind)]);
    return readFileSync(await got.path(), "utf8");
};
const csv = await download("csv");
check(csv.startsWith("id,seconds,pid") && csv.split("\r\n").length > 3 && csv.includes("index_open"), "csv");
const json = JSON.parse(await download("json"));
check(json.layout.length > 10 && json.events.length > 2 && json.call_sites.length > 3, "json");
check(/^_start;main;.* \d+$/m.test(await download("folded")), "folded");
await page.locator("#query").fill("");

// Keys alone, from the top of the page to the details of an event and back.
await open(page, path);
await page.keyboard.press("Tab");
check(await page.evaluate(() => document.activeElement.closest(".skip") !== null), "the skip links come first");
const seen = new Set();
for (let i = 0; i < 90; i++) {
    await page.keyboard.press("Tab");
    const where = await page.evaluate(() => {
        const e = document.activeElement, r = e.getBoundingClientRect();
        return { name: e.id || e.className || e.tagName, visible: r.width > 0 && r.height > 0 };
    });
    check(where.visible || where.name === "BODY", "focus is visible at " + where.name);
    seen.add(where.name);
}
for (const id of ["process", "query", "export", "help-open", "memory-box", "strip-box", "sites-icicle"]) check(seen.has(id), "keys reach " + id);
await page.locator("#memory-box").focus();
const before = await state();
for (const key of ["ArrowRight", "w", "d", "l", "m", "i", "t", "n", ".", "]", "[", "Escape", "Shift+ArrowRight", "Alt+ArrowRight", "0"]) await page.keyboard.press(key);
await settle();
const later = await state();
check(later.b !== before.b && later.a !== before.a && later.metric !== before.metric && later.invert === 1 && later.t0 === 0, "keys changed what they should: " + JSON.stringify(later));
check((await text("#live")).length > 3, "something was spoken");
await page.keyboard.press("?");
await until(page, () => document.querySelector("#help").open, "help");
await page.keyboard.press("Escape");

// The address strip: a click selects a mapping.
await page.locator("#strip-box").scrollIntoViewIfNeeded();
await settle();
const strip = await page.locator("#strip-box").boundingBox();
for (let y = 0.98; y > 0 && !/^l/.test((await state()).sel); y -= 0.03) {
    await page.mouse.click(strip.x + strip.width * 0.6, strip.y + strip.height * y);
    await page.waitForTimeout(60);
}
check(/^l\d+$/.test((await state()).sel), "a mapping was selected");
await until(page, () => /mapped by/.test(document.querySelector("#detail-body").textContent), "its life");
await page.keyboard.press("Escape");

// ---- call sites with frames left out, against the same done to the stacks of the invented run ----

const shape = { events: 3000, recursive: true }, run = makeRun(shape), frames = file("frames.html", makeReport(shape));
const named = (stack) => (stack.lines.length ? [...stack.lines].reverse().map((l) => ({ ...run.lines[l], f: run.lines[l].f || "server+0x5064f4" })) : [{ f: stack.word, module: "" }]);
const wanted = (hidden, fold) => {
    const sums = new Map();
    for (const e of run.events) {
        if (!e.mapped) continue;
        let path = named(run.stacks[e.stack]).filter((line) => !hidden(line)).map((line) => line.f);
        for (let i = 1; fold && i < path.length; i++) {
            const first = path.indexOf(path[i]);
            if (first < i) path.splice(first + 1, i - first), (i = first);
        }
        path = path.join(";") || "all";
        sums.set(path, (sums.get(path) ?? 0) + e.mapped);
    }
    return [...sums].map(([path, sum]) => `${path} ${sum}`).sort();
};
const folded = () => page.evaluate("sites.folded().trim().split('\\n').sort()"), root = () => page.evaluate("sites.totals[0]"), rest = () => page.waitForTimeout(150);
await open(page, frames, "#v=1&m=mapped");
await page.locator("#sites-panel").scrollIntoViewIfNeeded();
await until(page, "sites.totals !== null", "sums");
equal(await folded(), wanted(() => false, false), "whole stacks");
const total = await root(), everything = run.events.reduce((sum, e) => sum + e.mapped, 0);
equal(total, everything, "all that was mapped");
await page.locator("#hide-frame").click();
check(/Choose a frame first/.test(await text("#notice")), "nothing is hidden while no frame is chosen");

/* Choose a frame of the tree by its name, with keys alone. */
async function choose(name) {
    await page.evaluate(() => document.querySelector("#view-tree").click());
    await page.locator("#sites-tree [tabindex='0']").focus();
    await page.keyboard.press("Home");
    for (let i = 0; i < 300; i++) {
        const now = await text("#sites-picked");
        if (now === name) return;
        await page.keyboard.press("ArrowRight"); // unfolds, or goes on
        if ((await text("#sites-picked")) === now) await page.keyboard.press("ArrowDown");
    }
    check(false, "no frame " + name);
}
await choose("run");
await page.locator("#hide-frame").click();
await rest();
equal(await folded(), wanted((line) => line.f === "run", false), "without a frame");
equal(await root(), total, "the root's total when a frame is hidden");
check(!(await page.locator("#sites-tree .frame").allTextContents()).some((t) => / run$/.test(t)), "the tree does not show it");
check(/^hidden:run/.test(await text("#sites-hide")), "a chip tells what is hidden");
check(/without run/.test(await text("#sites-hidden")), "and words, in print too");
await choose("mmap64");
await page.keyboard.press("Shift+H");
await rest();
const without = (line) => line.f === "run" || line.module === "libc.so.6";
equal(await folded(), wanted(without, false), "without a frame and a library");
equal(await root(), total, "the root's total when a library is hidden");
await page.keyboard.press("r");
await rest();
equal(await folded(), wanted(without, true), "with recursion folded");
equal(await root(), total, "the root's total when recursion is folded");
check((await folded()).some((line) => /^main;walk;cache_grow /.test(line)) && (await folded()).every((line) => !/(?:^|;)([^; ]+);(?:.*;)?\1(?:;| )/.test(line)), "nothing repeats");

// The table: sites that are hidden have given their sums to what called them.
await page.evaluate(() => document.querySelector("#view-table").click());
const rowsOf = () => page.evaluate("Object.fromEntries(sites.rows.map((row) => [row.name.replace(/ .*/, ''), [row.value, row.total]]))");
const bySite = (hidden) => {
    const sums = {};
    for (const e of run.events) {
        if (!e.mapped) continue;
        const lines = run.stacks[e.stack].lines, at = lines.findIndex((l) => !(run.lines[l].flags & 12)), left = lines.slice(at).find((l) => !hidden(run.lines[l])), name = left === undefined ? "all" : run.lines[left].f || "server+0x5064f4";
        sums[name] = (sums[name] ?? 0) + e.mapped;
    }
    return sums;
};
const selves = (rows) => Object.fromEntries(Object.entries(rows).map(([name, [self]]) => [name, self]).sort());
equal(selves(await rowsOf()), Object.fromEntries(Object.entries(bySite(without)).sort()), "sites as they are");
await page.locator("#sites-hide .chip").first().focus();
await page.keyboard.press("Enter");
await page.locator("#sites-hide .chip").first().click();
await page.locator("#sites-fold").click();
await rest();
equal(await text("#sites-hide"), "", "all is shown again");
equal(await folded(), wanted(() => false, false), "whole stacks again");
await page.evaluate(() => window.brkwater.change({ hide: ["f" + window.brkwater.model.lines.fn.findIndex((i) => window.brkwater.model.text(i) === "cache_grow")] }));
await rest();
const moved = await rowsOf();
equal(selves(moved), Object.fromEntries(Object.entries(bySite((line) => line.f === "cache_grow")).sort()), "a hidden site's sum is its caller's");
equal(moved.walk[1], run.events.filter((e) => named(run.stacks[e.stack]).some((line) => line.f === "walk")).reduce((sum, e) => sum + e.mapped, 0), "total of a site, with all that it called");
equal((await page.evaluate(() => window.brkwater.link.write())).includes("hide=f"), true, "what is hidden is in the link");
await page.evaluate(() => window.brkwater.change({ hide: [] }));
await rest();
const [firstName] = await page.evaluate("sites.rows.map((row) => row.name.replace(/ .*/, ''))");
await page.locator("#sites-table tbody button").first().click();
equal(await text("#sites-picked"), firstName, "a row of the table is chosen");
await page.keyboard.press("Escape");
await page.locator("#hide-frame").click();
await rest();
check(!Object.keys(await rowsOf()).includes(firstName), "the chosen row's function is hidden");
await page.evaluate(() => window.brkwater.change({ hide: [], sel: "" }));

// From A to B: what grew and what shrank, with signs.
await page.evaluate(() => window.brkwater.change({ metric: "diff", a: 70000000, b: 110000000 }));
await until(page, () => /live at B \u2212 at A/.test(document.querySelector("#sites-note").textContent), "a difference");
const at_ = (t) => run.lives.filter((l) => l.born <= t && t < l.died).reduce((sum, l) => sum + l.pages * 4096, 0);
equal(await root(), at_(110000000) - at_(70000000), "the difference");
const cells = await page.locator("#sites-table tbody td:nth-child(2)").allTextContents();
check(cells.some((c) => /^ *\+/.test(c)) && cells.some((c) => /^ *-/.test(c)), "signs: " + cells.slice(0, 8));
check((await page.locator("#sites-table [data-kind=heap]").count()) > 0 && (await page.locator("#sites-table [data-kind=anonymous]").count()) > 0, "colours beside the signs");

// ---- regular expressions ----

const said = () => text("#query-note"), matched = async () => /([\d.]+) % matched/.exec(await text("#sites-hidden"))?.[1];
await open(page, frames, "#v=1&m=mapped");
await page.locator("#sites-panel").scrollIntoViewIfNeeded();
await until(page, "sites.totals !== null", "sums again");
await page.locator("#query").fill("^(walk|descend)$");
await until(page, () => /: nothing matched/.test(document.querySelector("#sites-hidden").textContent), "as plain text it is nowhere");
await page.getByRole("button", { name: "regular expression" }).click();
await until(page, () => / [1-9][\d.]* % matched/.test(document.querySelector("#sites-hidden").textContent), "as an expression it is");
const share = run.events.filter((e) => named(run.stacks[e.stack]).some((line) => /^(walk|descend)$/.test(line.f))).reduce((sum, e) => sum + e.mapped, 0) / everything * 100;
check(Math.abs(Number(await matched()) - share) <= 0.5, `${await matched()} % matched, ${share}`);
await page.locator("#query").fill("^Cache_(put|grow) .*\\d\\)$|^/dev/shm");
await page.locator("#events-panel").scrollIntoViewIfNeeded();
const fits = run.events.filter((e) => /^cache_(put|grow)/.test((run.lines[run.stacks[e.stack].lines.find((l) => !(run.lines[l].flags & 12))] ?? { f: "" }).f) || e.text.startsWith("/dev/shm")).length;
await until(page, (n) => document.querySelector("#events-note").textContent.startsWith(n + " of "), "events by expression: " + fits, fits.toLocaleString("en"));
equal(await said(), "", "nothing to complain of");
check(/re=1/.test(await page.evaluate(() => window.brkwater.link.write())), "the link tells that it is an expression");
await page.locator("#query").fill("cache_(");
await until(page, () => /no regular expression: plain text was searched/.test(document.querySelector("#query-note").textContent), "an expression that is none");

// Those that would run for ever: refused, or stopped soon.
const slow = file("slow.html", makeReport({ events: 600, texts: Array.from({ length: 40 }, (_, i) => "a".repeat(150 + i) + "!") }));
for (const q of ["(a+)+$", "(a|aa)*b", "a*a*a*a*a*a*a*b", "(a)\\1*\\1*b", "a?".repeat(40) + "a".repeat(40) + "b", "(a|a)".repeat(30) + "b", "(?!.*\\x00)a*a*a*~", "a*a*a*a*(?:\\W|$)"]) {
    const before_ = Date.now();
    await open(page, slow, "#v=1&re=1&q=" + encodeURIComponent(q));
    await page.locator("#sites-panel").scrollIntoViewIfNeeded();
    await until(page, () => document.querySelector("#query-note").textContent === "pattern is too slow: plain text was searched", "too slow: " + q);
    const from = Date.now();
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
    check(Date.now() - from < 3000 && Date.now() - before_ < 20000, `the page lives on with ${q}: ${Date.now() - before_} ms`);
}

// ---- events: filters, columns ----

await open(page, path);
await page.locator("#events-panel").scrollIntoViewIfNeeded();
const all = makeRun({ events: 6000 }), count = async (n, what) => until(page, (n) => document.querySelector("#events-note").textContent.startsWith(n + " of "), `${what}: ${n}`, n.toLocaleString("en"));
const bytes = (e) => Math.max(e.mapped, e.unmapped);
await page.locator("#event-least").fill("500K");
await page.locator("#event-most").fill("1M");
await count(all.events.filter((e) => bytes(e) >= 512000 && bytes(e) <= 1048576).length, "a range of sizes");
for (const id of ["least", "most"]) await page.locator("#event-" + id).fill("");
await page.locator("#event-site").fill("Session_NEW (");
const siteOf = (e) => { const lines = all.stacks[e.stack].lines, l = lines.find((l) => !(all.lines[l].flags & 12)); return l === undefined ? "" : all.lines[l].f; };
await count(all.events.filter((e) => siteOf(e) === "session_new").length, "a site");
await page.locator("#event-site").fill("");
const target = all.events.find((e) => e.call === 2 && e.mapped > 400000 && all.events.some((other) => other.call === 3 && other.args[0] === e.ret)), inside = BigInt(target.ret) + 300000n;
const holds = (e) => {
    const from = e.call === 1 ? BigInt(e.ret) - BigInt(e.mapped) : e.call === 2 ? BigInt(e.ret) : BigInt(e.args[0]), size = e.call === 1 ? e.mapped + e.unmapped : e.call === 2 ? e.mapped : e.args[1];
    return !(e.call === 2 && e.error) && inside >= from && inside < from + BigInt(size);
};
const holding = all.events.filter(holds);
check(holding.length > 1 && holding.includes(target), "calls that hold an address: " + holding.length);
await page.locator("#event-address").fill("0x" + inside.toString(16));
await count(holding.length, "an address inside of what was mapped");
const grown = all.events.find((e) => e.call === 1 && e.mapped > 300000);
await page.locator("#event-address").fill((grown.ret - 100000).toString(16));
await until(page, (id) => [...document.querySelectorAll("#events-rows tbody button")].some((b) => b.textContent === id), "the heap grew over an address", grown.id.toLocaleString("en"));
await page.locator("#event-address").fill("");
const heads = () => page.locator("#events-rows thead th").allTextContents();
equal((await heads()).length, 11, "columns");
await page.locator("#events-panel summary").click();
await page.locator("#event-columns label", { hasText: "faults since" }).click();
await page.locator("#event-columns input").first().press("Space");
await until(page, () => document.querySelectorAll("#events-rows thead th").length === 9, "two columns are hidden");
check(!(await heads()).some((head) => ["time", "faults since"].includes(head)) && (await page.locator("#events-rows tbody tr").first().locator("th,td").count()) === 9, "they are those");
for (const [go, row] of [["6 s", (e) => e.time >= 6e7], ["#77", (e) => e.id === 77]]) {
    await page.locator("#event-go").fill(go);
    await page.keyboard.press("Enter");
    await until(page, (id) => document.querySelector("#events-rows tr.active button")?.textContent === id, "go to " + go, all.events.find(row).id.toLocaleString("en"));
}

// A filter that was typed just before counts.
const brks = all.events.filter((e) => e.call === 1);
await page.evaluate((id) => {
    const type = (box, value, kind) => {
        document.querySelector(box).value = value;
        document.querySelector(box).dispatchEvent(new Event(kind));
    };
    type("#event-call", "brk", "input");
    type("#event-go", "#" + id, "change");
}, brks[40].id);
await count(brks.length, "brk calls");
await until(page, (id) => document.querySelector("#events-rows tr.active button")?.textContent === id, "go to a row of those that are left", brks[40].id.toLocaleString("en"));

// ---- marks of the reader ----

await page.evaluate(() => window.brkwater.change({ a: 30000000 }));
await page.locator("#memory-box").focus();
await page.keyboard.press("k");
await page.keyboard.type("cache is full");
await page.keyboard.press("Enter");
await until(page, () => /cache is full/.test(document.querySelector("#marks-list").textContent), "a mark is listed");
await page.evaluate(() => window.brkwater.change({ a: 90000000 }));
await page.locator("#mark-text").fill("<b>why</b>");
await page.locator("#mark-add").click();
await until(page, "timeline.lanes.find((lane) => lane.name === 'marks').marks.filter(([, glyph]) => glyph === '\\u2605').length === 2", "marks are in the timeline");
check(await page.evaluate("timeline.say(30000000).includes('cache is full')"), "its words are among the values of its moment");
const kept = await page.evaluate(() => window.brkwater.link.write());
await open(page, path, kept);
equal(await page.evaluate(() => window.brkwater.state.marks), [[30000000, "cache is full"], [90000000, "<b>why</b>"]], "marks from the link");
equal(await page.evaluate(() => window.brkwater.state.columns), 2 | 256, "columns from the link");
await page.locator("#marks-list li button").first().click();
equal((await state()).a, 30000000, "a mark leads to its moment");
await page.locator("#reset").click();
await page.getByRole("button", { name: "remove mark <b>why</b>" }).click();
await until(page, () => window.brkwater.state.marks.length === 1 && document.querySelectorAll("#marks-list li").length === 1, "a mark is removed, the other outlives a reset");
await page.keyboard.press("Escape");
await page.keyboard.press("?");
for (const word of ["hide the chosen frame", "fold recursion", "mark cursor A"]) check((await text("#help-keys")).includes(word), "help tells of: " + word);
await page.keyboard.press("Escape");

// A link brings all of it back.
await open(page, path);
const link = await page.evaluate(() => { window.brkwater.change({ t0: 1e7, t1: 3e7, metric: "mapped" }); return window.brkwater.link.write(); });
await settle();
const fresh = await context.newPage();
await open(fresh, path, link);
check(await fresh.evaluate(() => window.brkwater.state.t0 === 1e7 && window.brkwater.state.metric === "mapped"), "the link restored the view");
equal(noise, [], "noise");
await done(context);
