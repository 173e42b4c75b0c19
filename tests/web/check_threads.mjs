// Very many threads and processes: all of them are rows, and the page stays silent and quick.
import { check, done, equal, file, launch, until } from "./browser.mjs";
import { last, press, quiet, text, visit } from "./extremes.mjs";
import { makeReport } from "./fixture.mjs";

const LONG = process.env.BRKWATER_LONG ? 5 : 1;
const { context, page, noise } = await launch({ viewport: { width: 1600, height: 1000 } });
const make = (name, options) => file(name + ".html", makeReport({ events: 600, buckets: 2048, ...options }));

await visit(page, make("threads", { extraThreads: 2000 * LONG, processes: 1 }));
check((await text(page, "#processes-note")).startsWith(`1 process, ${(2000 * LONG).toLocaleString("en")} threads`), await text(page, "#processes-note"));
await press(page, "#processes-rows [aria-expanded]");
check(/thread 1\d+/.test(await last(page, "#processes-rows", "the last thread")), "the last row is a thread");
await visit(page, make("processes", { processes: 500 * LONG }));
const one = await last(page, "#processes-rows", "the last process");
check(one.startsWith(`helper ${4711 + 3 * (500 * LONG - 1)}`), `the last row is the last process: ${one}`);
equal(await page.locator("#process option").count(), Math.min(2000, 500 * LONG) + 1 + (500 * LONG > 2000 ? 1 : 0), "processes to choose from");
if (LONG > 1) check((await text(page, "#process option:last-child")).includes("500 more"), "more processes are named");
quiet(noise, "threads and processes");
await done(context);
