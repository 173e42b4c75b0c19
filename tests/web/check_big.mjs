// A trace of ten million events, all in the file: the first picture does not wait for them.
import { check, done, equal, file, launch, open, until } from "./browser.mjs";
import { makeReport } from "./fixture.mjs";

const COPIES = 40, EVENTS = 4 * 65536;
const html = makeReport({ events: EVENTS, copies: COPIES, scale: COPIES, stacks: 3000, processes: 20, threads: 200 });
const path = file("big.html", html);
const { context, page, noise } = await launch({ viewport: { width: 1600, height: 1000 } });

const times = [];
for (let round = 0; round < 5; round++) {
    await open(page, path, "", "brkwater-painted");
    await until(page, () => performance.getEntriesByType("navigation")[0].domContentLoadedEventStart > 0, "the end of the file");
    times.push(await page.evaluate(() => [performance.getEntriesByName("brkwater-painted")[0].startTime, performance.getEntriesByType("navigation")[0].domContentLoadedEventStart]));
}
const best = Math.min(...times.map(([painted]) => painted));
console.log(`${(html.length / 1048576).toFixed(0)} MiB; painted and read, ms: ${times.map((pair) => pair.map(Math.round).join(" ")).join(", ")}`);
check(times.every(([painted, read]) => painted < read), "the first picture waits for the end of the file");
check(best <= 2000 * (process.env.BRKWATER_STRICT ? 1 : 3), `painted after ${best} ms`);

// The last row is there, and in reach.
await open(page, path);
await until(page, () => window.brkwater.model.rows > 0, "events");
equal(await page.evaluate(() => window.brkwater.model.rows), await page.evaluate(() => window.brkwater.model.number("embedded")), "rows");
const last = await page.evaluate(async () => (await window.brkwater.model.events(window.brkwater.model.chunks.length - 1)).count("id"));
check(last > 0, "the last chunk");
equal(noise, [], "noise");
await done(context);
