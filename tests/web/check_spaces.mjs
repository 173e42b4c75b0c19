// One process, many programs: their parts lie one over the other; each can be shown alone.
import { check, done, equal, file, launch, until } from "./browser.mjs";
import { quiet, visit } from "./extremes.mjs";
import { makeReport } from "./fixture.mjs";

const LONG = process.env.BRKWATER_LONG ? 5 : 1;
const { context, page, noise } = await launch({ viewport: { width: 1600, height: 1000 } });
const make = (name, options) => file(name + ".html", makeReport({ events: 600, buckets: 2048, ...options }));

await visit(page, make("programs", { execs: 200 * LONG, processes: 1 }));
await page.locator("#process").selectOption({ label: "again 9000" });
await until(page, () => !document.querySelector("#space").parentNode.hidden, "address spaces to choose from");
await page.locator("#strip-panel").scrollIntoViewIfNeeded();
equal(await page.locator("#space option").count(), Math.min(1000, 200 * LONG) + 1, "address spaces");
const height = await page.evaluate(() => document.querySelector("#strip-box").clientHeight);
check(height < 420, `200 programs are ${height} px high`);
await page.locator("#space").selectOption({ index: 57 });
await until(page, () => window.brkwater.state.t0 > 0, "the view follows");
check((await page.evaluate(() => document.querySelector("#space").selectedIndex)) === 57, "one address space is chosen");
await page.locator("#space").selectOption({ index: 0 });
await until(page, () => window.brkwater.state.t0 === 0, "and all again");
quiet(noise, "programs");

// At the width of a telephone nothing is wider than the page.
await page.setViewportSize({ width: 390, height: 800 });
await visit(page, make("narrow", { execs: 20, islands: 200, processes: 30 }));
quiet(noise, "narrow");
await done(context);
