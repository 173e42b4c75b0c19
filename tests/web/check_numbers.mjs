// Numbers of the page against the invented run: sums of 200 random ranges, and layouts at random moments; links that lead
// back to where they were made, and links that nobody should have made.
import { check, done, equal, file, launch, open } from "./browser.mjs";
import { makeReport, makeRun } from "./fixture.mjs";

const run = makeRun(), path = file("report.html", makeReport());
const { context, page, noise } = await launch();
await open(page, path);

let seed = 7;
const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const value = { calls: () => 1, mapped: (e) => e.mapped, returned: (e) => e.unmapped, net: (e) => e.mapped - e.unmapped, time: (e) => e.duration };
const ranges = Array.from({ length: 200 }, (_, i) => {
    const a = Math.floor(random() * run.end), b = i % 10 ? a + Math.floor(random() * (run.end - a)) : run.end;
    return [a, b, Object.keys(value)[i % 5]];
});
const answers = await page.evaluate(async (ranges) => {
    const out = [];
    for (const [a, b, metric] of ranges) out.push(await window.brkwater.query(a, b, metric));
    return out;
}, ranges);
ranges.forEach(([a, b, metric], i) => {
    const wanted = run.events.filter((e) => e.time >= a && (e.time < b || b === run.end)).reduce((sum, e) => sum + value[metric](e), 0);
    check(answers[i].exact, `range ${i} is exact`);
    equal(answers[i].value, wanted, `${metric} of ${a} to ${b}`);
});
const moments = ranges.slice(0, 40).map(([a]) => a);
const live = await page.evaluate(async (moments) => Promise.all(moments.map((t) => window.brkwater.query(0, t, "live"))), moments);
moments.forEach((t, i) => {
    const wanted = run.lives.filter((l) => l.born <= t && t < l.died).reduce((sum, l) => sum + l.pages * 4096, 0);
    equal(live[i].value, wanted, `live at ${t}`);
});
check((await page.evaluate(() => { const m = window.brkwater.model; return m.alive(m.end).list.length; })) > 0, "something is there at the end");

// Without events: snapped, and said so.
const snapped = file("snapped.html", makeReport({ scale: 10, embed: false }));
const other = await context.newPage();
await open(other, snapped);
const answer = await other.evaluate(() => window.brkwater.query(1234567, 7654321, "calls"));
check(!answer.exact && answer.t0 <= 1234567 && answer.t1 >= 7654321, "a snapped range holds the one that was asked for");
equal(answer.value, run.events.filter((e) => e.time >= answer.t0 && e.time < answer.t1).length * 10, "calls of the snapped range");

// ---- links ----

const same = await page.evaluate(() => {
    const { link, model } = window.brkwater, lost = [];
    let seed = 99;
    const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32, pick = (list) => list[Math.floor(random() * list.length)];
    const plain = (s) => JSON.stringify({ ...s, hidden: [...s.hidden].sort() });
    for (let i = 0; i < 500; i++) {
        const t0 = Math.floor(random() * model.end * 0.9), wanted = { ...link.normal(), proc: pick([-1, 0, 1]), t0, t1: t0 + 1 + Math.floor(random() * (model.end - t0 - 1)), a: pick([null, Math.floor(random() * model.end)]), b: pick([null, Math.floor(random() * model.end)]), hidden: new Set([1, 3, 8].filter(() => random() < 0.5)), metric: pick(Object.keys(model.METRICS)), query: pick(["", "parse", "a&b=c#%", "\u202e<script>"]), sel: pick(["", "e12", "l3", "s5"]), pages: pick([null, [1024, 99999]]), invert: pick([0, 1]), at: pick(["a", "b", "diff"]), chart: pick(["stack", "lines", "log"]), strip: pick(["kind", "age"]), re: pick([0, 1]), fold: pick([0, 1]), hide: pick([[], ["f3"], ["m0", "f7"]]), columns: pick([0, 2, 1026]), view: pick(["icicle", "tree", "table"]), group: pick(["", "file"]), marks: pick([[], [[0, "start"], [Math.floor(random() * model.end), "a~b&c=#%, \u00e9\u2605 <script>"]]]) };
        Object.assign(window.brkwater.state, wanted);
        const text = link.write(), got = link.read(text);
        if (plain(got) !== plain(wanted)) lost.push(text + " " + plain(got) + " " + plain(wanted));
    }
    Object.assign(window.brkwater.state, link.normal());
    return lost;
});
equal(same.length, 0, "links that lost something: " + same[0]);
const hostile = ["#v=2", "#v=1&t=NaN-NaN", "#v=1&t=9-1", "#v=1&a=-5", "#v=1&a=1e99", "#v=1&m=constructor", "#v=1&m=__proto__", "#v=1&sel=x", "#v=1&sel=e99999999999999999999", "#v=1&z=999999999", "#v=1&p=1", "#%", "#v=1&q=" + "x".repeat(5000), "#v=1&at=toString", "#v=1&y=ff-1", "#v=1&k=heap%00", "#javascript:alert(1)", "#<script>alert(1)</script>", "#v=1&t=1-2-3-4", "#v=1&c=__proto__",
    "#v=1&re=1&q=(a%2B)%2B%24", "#v=1&re=1&q=(", "#v=1&re=1&q=a%7B99999%7D%7B9%7D", "#v=1&re=2", "#v=1&hide=f999999999,m-1,f,constructor,__proto__,f1e3", "#v=1&hide=" + Array.from({ length: 300 }, (_, i) => "f" + i).join(), "#v=1&fold=true", "#v=1&ec=9999", "#v=1&ec=-1", "#v=1&mark=9", "#v=1&mark=-5~x", "#v=1&mark=999999999999999~x", "#v=1&mark=5~", "#v=1&mark=1e3~x", "#v=1&mark=7~" + "x".repeat(500), "#v=1&mark=7~%E2%80%AEx%00%1B%5B2J%0Ay",
    "#v=1" + Array.from({ length: 50 }, (_, i) => `&mark=${i}~<img src=x onerror=alert(${i})>`).join("")];
for (let i = 0; i < 100; i++) {
    const hash = i < hostile.length ? hostile[i] : "#" + Array.from({ length: 40 }, () => String.fromCharCode(33 + Math.floor(random() * 90))).join("");
    const bad = await page.evaluate((hash) => {
        const { link, model } = window.brkwater, s = link.read(hash);
        const good = s.t0 >= 0 && s.t1 <= model.end && s.t0 < s.t1 && Object.keys(model.METRICS).includes(s.metric) && s.query.length <= 200 && (s.a === null || (s.a >= 0 && s.a <= model.end)) && s.proc >= -1 && s.proc < model.procs.length && s.zoom < model.trees[0].parent.length &&
            [0, 1].includes(s.re) && [0, 1].includes(s.fold) && s.hide.length <= 20 && s.hide.every((word) => /^[fm]\d+$/.test(word) && Number(word.slice(1)) < model.lines.fn.length) && s.columns >= 0 && s.columns < 2048 && s.columns % 2 === 0 &&
            s.marks.length <= 20 && s.marks.every(([t, text]) => t >= 0 && t <= model.end && text.length > 0 && text.length <= 60 && !/[\0-\x1f\u202e]/.test(text));
        location.hash = hash;
        return !good;
    }, hash);
    check(!bad, "link " + hash);
}
await page.waitForTimeout(500);
equal(noise, [], "noise");
await done(context);
