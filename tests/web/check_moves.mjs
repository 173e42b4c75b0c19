// What gestures must leave as it was, and numbers that must say the same in two places.
import { readFileSync } from "node:fs";
import { check, done, equal, file, launch, open, until } from "./browser.mjs";
import { makeReport, makeRun } from "./fixture.mjs";

const path = file("moves.html", makeReport({ events: 6000 }));
const { context, page, noise } = await launch({ viewport: { width: 1280, height: 1000 } });
const state = (...names) => page.evaluate((names) => names.map((name) => window.brkwater.state[name]), names);
const text = (selector) => page.evaluate((s) => document.querySelector(s).textContent, selector);
const change = (patch) => page.evaluate((patch) => new Promise((done) => (window.brkwater.change(patch), requestAnimationFrame(() => requestAnimationFrame(done)))), patch);
const settle = () => page.waitForTimeout(500);
await open(page, path);
const end = await page.evaluate(() => window.brkwater.model.end);
await page.locator("#memory-box").scrollIntoViewIfNeeded();
const box = await page.locator("#memory-box").boundingBox();

// A double click zooms to A and B, wherever it is, and leaves them.
await change({ a: Math.round(end * 0.2), b: Math.round(end * 0.9) });
await page.mouse.dblclick(box.x + box.width * 0.5, box.y + 60);
await until(page, (t) => window.brkwater.state.t0 === t, "a double click zooms to A and B", Math.round(end * 0.2));
equal(await state("t0", "t1", "a", "b"), [0.2, 0.9, 0.2, 0.9].map((x) => Math.round(end * x)), "and leaves them");

// Z takes back one movement, of keys or of the wheel.
await page.keyboard.press("0");
await page.locator("#memory-box").focus();
await page.evaluate("moved = LONG_AGO");
await page.keyboard.press("w");
await until(page, () => window.brkwater.state.t0 > 0, "w zooms");
await page.keyboard.press("z");
equal(await state("t0", "t1"), [0, end], "z after w");
await page.evaluate("moved = LONG_AGO; zoomBy(0.6); zoomBy(0.6); panBy(0.2)");
await page.keyboard.press("z");
equal(await state("t0", "t1"), [0, end], "z after a movement of several steps");
await page.evaluate("moved = LONG_AGO");
await page.keyboard.down("Control");
await page.mouse.wheel(0, -200);
await page.keyboard.up("Control");
await until(page, () => window.brkwater.state.t0 > 0, "the wheel zooms");
await page.keyboard.press("z");
equal(await state("t0", "t1"), [0, end], "z after the wheel");

// A press on the overview that trembles does nothing; a drag does.
const overview = await page.locator("#overview-box").boundingBox(), press = async (to) => {
    await page.mouse.move(overview.x + 300, overview.y + 20);
    await page.mouse.down();
    await page.mouse.move(overview.x + 300 + to, overview.y + 20);
    await page.mouse.up();
};
await press(2);
equal(await state("t0", "t1"), [0, end], "a hand that trembles");
await press(200);
await until(page, () => window.brkwater.state.t0 > 0, "a drag on the overview");
await page.keyboard.press("0");

// Values that were kept beside the pointer, and were let go by Esc.
await page.mouse.move(box.x + 300, box.y + 80);
await until(page, () => !document.querySelector("#tip").hidden, "values");
await page.keyboard.press("p");
await page.keyboard.press("Escape");
await until(page, () => document.querySelector("#tip").hidden, "Esc hides them");
await page.mouse.move(box.x + 400, box.y + 80);
await until(page, () => !document.querySelector("#tip").hidden, "values again");

// Layout from A to B: came and went are what changed; groups are of their rows.
await change({ at: "diff", a: Math.round(end * 0.3), b: Math.round(end * 0.7), proc: 0 });
await page.locator("#layout-panel").scrollIntoViewIfNeeded();
await until(page, () => /from A to B/.test(document.querySelector("#layout-note").textContent), "changes");
const differs = await page.evaluate(() => {
    const { model, state } = window.brkwater, sum = (t) => model.bytesBy(model.lives.kind, model.kinds.length, t, 0).reduce((x, y) => x + y, 0);
    const rows = layout.rows.filter((r) => r.run), bytes = (sign) => rows.reduce((all, r) => all + Math.max(0, sign * layout.delta(r)), 0) * 4096;
    return { by: sum(state.b) - sum(state.a), came: bytes(1), went: bytes(-1), marks: [...new Set(rows.map((r) => r.mark))].sort().join("") };
});
check(differs.marks.includes("+") && differs.marks.includes("\u2212"), "marks " + differs.marks);
equal(differs.came - differs.went, differs.by, "what came and what went is what changed");
check((await text("#layout-note")).includes(await page.evaluate(([came, went]) => `${units.signed(came)} and ${units.signed(-went)},`, [differs.came, differs.went])), "and is told: " + (await text("#layout-note")));
await page.locator("#layout-group").selectOption("owner");
const groups = await page.evaluate(() => {
    let title = "";
    return layout.rows.every((r) => (r.title !== undefined ? ((title = r.title), true) : layout.owner(r.run).startsWith(title)));
});
check(groups, "rows are below their own owner");
await page.locator("#layout-group").selectOption("");

// The legend at B is to the byte.
await change({ at: "b", proc: -1 });
await page.mouse.move(2, 2);
for (const share of [0.11, 0.37, 0.52, 0.83, 0.999]) {
    await change({ b: Math.round(end * share) });
    const wrong = await page.evaluate(() => {
        const { model, state } = window.brkwater, sums = model.bytesBy(model.lives.kind, model.kinds.length, state.b, -1, true);
        return [...document.querySelectorAll("#chips .chip")].filter((chip) => chip.querySelector(".size").textContent !== units.size(sums[model.kinds.indexOf(chip.dataset.kind)])).map((chip) => chip.textContent);
    });
    equal(wrong, [], `legend at ${share}`);
}

// Calls in view are those of the range, however short it is.
await change({ metric: "calls", t0: Math.round(end * 0.5), t1: Math.round(end * 0.5) + 2500000 });
await page.locator("#sites-panel").scrollIntoViewIfNeeded();
await page.evaluate(() => document.querySelector("#view-table").click());
await until(page, () => sites.rows.length > 0 && sites.rows.every((r) => r.value === r.calls), "calls in view");

// The sheet follows A, B and the view.
await change({ sel: "s5" });
await until(page, () => /live at B/.test(document.querySelector("#detail-body").textContent), "a stack");
const sheet = await text("#detail-body");
await change({ t0: 0, t1: end, a: 0, b: Math.round(end * 0.4) });
await until(page, (old) => document.querySelector("#detail-body").textContent !== old, "the sheet follows", sheet);
await page.locator("#detail-body button").first().focus();
const focused = await page.evaluate(() => document.activeElement.textContent), told = await text("#detail-body");
await change({ t1: Math.round(end * 0.5) });
await until(page, (old) => document.querySelector("#detail-body").textContent !== old, "the sheet follows again", told);
check(!/NaN|undefined/.test(await text("#detail-body")), "every number of the sheet is one");
equal(await page.evaluate(() => document.activeElement.textContent), focused, "what has the focus in the sheet");
await page.keyboard.press("Escape");

// B of a process that did not live at the peak is where it still had memory, and the bar says where that is.
const alive = await page.evaluate(async () => {
    const { model, change } = window.brkwater, out = [];
    for (let proc = 0; proc < model.procs.length; proc++) {
        change({ proc, b: null });
        await new Promise((done) => setTimeout(done, 300));
        const { b } = model.instant(), own = [...model.lives.space].some((space) => model.spaces[space].proc === proc);
        out.push({ some: !own || model.alive(b, proc).list.length > 0, bar: document.querySelector("#cursor-b").textContent === units.moment(b, model.end) });
    }
    change({ proc: -1 });
    return out;
});
check(alive.length > 1 && alive.every(({ some, bar }) => some && bar), "B of each process: " + JSON.stringify(alive));

// Where the event after the last one is asked for, nothing moves.
await page.evaluate(() => window.brkwater.change({ sel: "", a: window.brkwater.model.end }));
await settle();
await page.evaluate(() => events.step(1));
await settle();
check(await page.evaluate(() => window.brkwater.state.a === window.brkwater.model.end && !window.brkwater.state.sel), "there is no event after the last");
await page.evaluate(() => window.brkwater.change({ a: null }));

// Numbers are taken as the page writes them; what is no address is refused.
for (const [typed, wanted] of [["#1,000", /^(?!Give)/], ["0x" + "f".repeat(40), /^Give a number/]]) {
    await page.locator("#event-go").fill(typed);
    await page.locator("#event-go").press("Enter");
    await settle();
    check(wanted.test(await page.locator("#events-note").textContent()) && !(await page.evaluate(() => window.brkwater.state.pages)), "go to " + typed);
}
await page.locator("#event-go").fill("");

// A word that is nowhere is told to be; a size that is none is marked.
await page.locator("#query").fill("zzzzzz");
await until(page, () => /no function/.test(document.querySelector("#query-note").textContent), "nothing is named so");
await page.locator("#query").fill("");
await until(page, () => !document.querySelector("#query-note").textContent, "no more");
await page.locator("#event-least").fill("abc");
check((await page.locator("#event-least").getAttribute("aria-invalid")) === "true", "no size");
await page.locator("#event-least").fill("");

// An export is of now, not of when its panel was last in view.
await page.evaluate(() => scrollTo(0, 0));
await settle();
await change({ metric: "mapped", t0: 0, t1: end });
const download = page.waitForEvent("download");
await page.locator("#export").selectOption("folded");
const folded = readFileSync(await (await download).path(), "utf8").trim().split("\n").reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
equal(folded, await page.evaluate(async () => (await window.brkwater.query(0, window.brkwater.model.end, "mapped")).value), "an export after a change out of view");

// Reset takes back the filters of events, too.
await page.locator("#events-panel").scrollIntoViewIfNeeded();
await page.locator("#event-text").fill("nothing has this");
await until(page, () => /^0 of /.test(document.querySelector("#events-note").textContent), "no event");
await page.locator("#reset").click();
await until(page, () => !/^0 of /.test(document.querySelector("#events-note").textContent), "all events");
equal(await page.evaluate(() => document.querySelector("#event-text").value), "", "an empty filter");

// Links keep times below a microsecond.
const lost = await page.evaluate(() => {
    const { link, state, model } = window.brkwater, kept = { ...state };
    let lost = 0;
    for (let i = 1; i < 300; i++) {
        Object.assign(state, { t0: i * 7 % 50, t1: 60 + i * 11, a: i % 13, b: i * 3 });
        const back = link.read(link.write());
        lost += back.t0 !== state.t0 || back.t1 !== Math.min(state.t1, model.end) || back.a !== state.a || back.b !== state.b;
    }
    Object.assign(state, kept);
    return lost;
});
equal(lost, 0, "links that lost a time");

// Each lane has a line of scale, whatever its height is.
equal(await page.evaluate(() => {
    const bad = [];
    for (let high = 1; high < 1e13; high *= 1.07) for (const binary of [true, false]) for (const wanted of [2, 3, 5]) if (!paint.steps(high, wanted, binary).length || paint.steps(high, wanted, binary).length > wanted * 2 + 2) bad.push([high, wanted, binary]);
    return bad.length;
}), 0, "scales without a line, or with too many");
// A process without sums of its own is counted by its events, and not at all where these are not in the file.
const run = makeRun({ events: 6000, processes: 40 }), late = run.procs.length - 1, own = run.events.filter((e) => e.proc === late).length;
for (const embed of [true, false]) {
    await open(page, file("many.html", makeReport({ events: 6000, processes: 40, embed })));
    const told = await page.evaluate((proc) => window.brkwater.query(0, window.brkwater.model.end, "calls", proc), late);
    equal([told.value, told.exact, told.missing ?? false], embed ? [own, true, false] : [0, false, true], "calls of a process without sums");
}
check(own > 0, "it made calls");
equal(noise, [], "noise");
await done(context);
