// What people do: mouse, wheel, keys alone; findings, search, A and B, long tables, exports.
import { readFileSync } from "node:fs";
import { check, done, equal, file, launch, open, until } from "./browser.mjs";
import { makeReport } from "./fixture.mjs";

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
await page.keyboard.press("Escape");
await until(page, () => document.querySelector("#detail").hidden, "details are closed");

// Kinds can be hidden.
await page.keyboard.press("0");
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
for (const key of ["ArrowRight", "Shift+ArrowRight", "Alt+ArrowRight", "w", "d", "l", "m", "i", "t", "n", ".", "]", "[", "Escape", "0"]) await page.keyboard.press(key);
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

// A link brings all of it back.
const link = await page.evaluate(() => { window.brkwater.change({ t0: 1e7, t1: 3e7, metric: "mapped" }); return window.brkwater.link.write(); });
await settle();
const fresh = await context.newPage();
await open(fresh, path, link + "&m=mapped&t=1-3");
check(await fresh.evaluate(() => window.brkwater.state.t0 === 1e7 && window.brkwater.state.metric === "mapped"), "the link restored the view");
equal(noise, [], "noise");
await done(context);
