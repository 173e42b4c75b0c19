// A trace of ten million events, levels of detail only: how long the page computes until its first picture, and for each
// frame of a pan and zoom.  CPU time of the main thread is what is judged: wall time tells about the machine.
// On a machine that others use too, CPU time is a multiple of what it is alone: the gates are three times the budgets,
// unless BRKWATER_STRICT is set.
import { check, done, file, launch, open, until } from "./browser.mjs";
import { makeReport } from "./fixture.mjs";

const SLACK = process.env.BRKWATER_STRICT ? 1 : 3;
const html = makeReport({ events: 60000, scale: 167, embed: false, stacks: 3000, processes: 20, threads: 200 });
const path = file("large.html", html);
const { context, page, noise } = await launch({ viewport: { width: 1600, height: 1000 } });
const session = await context.newCDPSession(page);
await session.send("Performance.enable", { timeDomain: "threadTicks" });
const metrics = async () => Object.fromEntries((await session.send("Performance.getMetrics")).metrics.map((m) => [m.name, m.value]));

check(html.length <= 8 << 20, `size ${html.length}`);
// Measured once before, so that what Chromium does for the first page of all is not counted.
await open(page, path);
await page.goto("about:blank");
const before = await metrics();
await page.goto("file://" + path, { waitUntil: "commit" });
await page.evaluate(() => new Promise((done) => {
    const look = () => performance.getEntriesByName("brkwater-painted").length && done();
    new PerformanceObserver(look).observe({ type: "mark", buffered: true });
    look();
}));
const painted = await metrics();
const marks = await page.evaluate(() => performance.getEntriesByName("brkwater-painted")[0].startTime);
const cpu = (painted.TaskDuration - before.TaskDuration) * 1000;
console.log(`open: ${cpu.toFixed(0)} ms of CPU, ${marks.toFixed(0)} ms on the clock, ${(html.length / 1048576).toFixed(2)} MiB`);
check(cpu <= 600 * SLACK, `open took ${cpu} ms of CPU`);

await until(page, () => performance.getEntriesByName("brkwater-ready").length, "the rest of the page");
await page.waitForTimeout(1500);
const idle = await metrics();
const FRAMES = 180;
const move = (from, to) => page.evaluate(async ([from, to]) => {
    const { model, change } = window.brkwater;
    for (let i = from; i < to; i++) {
        const width = model.end * (0.15 + 0.8 * Math.abs(Math.cos(i / 60))), left = (model.end - width) * (0.5 + 0.5 * Math.sin(i / 25));
        change({ t0: left, t1: left + width });
        // What is asked for now runs after the page's own work of the frame.
        await new Promise((done) => requestAnimationFrame(done));
    }
}, [from, to]);
await move(0, FRAMES);
const after = await metrics();
const each = (name) => (after[name] - idle[name]) * 1000 / FRAMES;
const times = [];
for (let i = 0, last = (await metrics()).ScriptDuration; i < FRAMES; i++) {
    await move(i, i + 1);
    const now = (await metrics()).ScriptDuration;
    times.push((now - last) * 1000);
    last = now;
}
const slow = times.sort((a, b) => a - b)[Math.floor(FRAMES * 0.95)], frame = each("TaskDuration");
console.log(`frames: ${frame.toFixed(2)} ms of CPU each, script ${each("ScriptDuration").toFixed(2)} ms, in 95 % at most ${slow.toFixed(1)} ms`);
check(slow <= 8 * SLACK, `the page's script took ${slow} ms in one frame of twenty`);
check(frame <= 8 * SLACK, `a frame took ${frame} ms of CPU`);
await until(page, () => window.brkwater.model.sparse, "sparse section");
/* Bytes of all that the page holds, contents of typed arrays included: JSHeapUsedSize knows only what names them. */
async function held() {
    const parts = [];
    session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => parts.push(chunk));
    await session.send("HeapProfiler.enable");
    await session.send("HeapProfiler.collectGarbage");
    await session.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
    const { nodes, snapshot } = JSON.parse(parts.join("")), fields = snapshot.meta.node_fields;
    let total = 0;
    for (let i = fields.indexOf("self_size"); i < nodes.length; i += fields.length) total += nodes[i];
    return total;
}
const used = await held();
console.log(`heap: ${(used / 1048576).toFixed(1)} MiB`);
check(used <= 64 << 20, `heap ${used}`);
check(!noise.length, "noise: " + noise.join(" | "));
await done(context);
