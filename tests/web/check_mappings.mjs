// Very many mappings, in the strip and in the layout; and clusters of addresses, of which small ones share a row and are named.
import { check, done, equal, file, launch, until } from "./browser.mjs";
import { last, press, quiet, text, visit } from "./extremes.mjs";
import { makeReport } from "./fixture.mjs";

const LONG = process.env.BRKWATER_LONG ? 5 : 1;
const { context, page, noise } = await launch({ viewport: { width: 1600, height: 1000 } });
const make = (name, options) => file(name + ".html", makeReport({ events: 600, buckets: 2048, ...options }));

await visit(page, make("mappings", { mappings: 60000 * LONG, processes: 1 }));
check((await text(page, "#layout-note")).startsWith((60000 * LONG).toLocaleString("en").slice(0, 3)), await text(page, "#layout-note"));
await last(page, "#layout-rows", "the last mapping");
await page.locator("#layout-group").selectOption("kind");
await until(page, () => document.querySelector("#layout-rows .group"), "grouped");
for (const mode of ["protection", "owner", "age", "resident"]) {
    await press(page, `input[name=strip][value=${mode}]`);
    await page.locator("#strip-panel").scrollIntoViewIfNeeded();
    await page.waitForTimeout(200);
}
await until(page, () => /not looked at/.test(document.querySelector("#strip-key").textContent) && /3 looks/.test(document.querySelector("#strip-key").textContent), "looks are named");
quiet(noise, "mappings");
// Clusters: rows are few, and those that share one are named.
await visit(page, make("clusters", { islands: 400 * LONG, processes: 1 }));
const [clusters, rows] = (await text(page, "#strip-note")).match(/([\d,]+) clusters in (\d+) rows/)?.slice(1).map((n) => Number(n.replace(",", ""))) ?? [0, 0];
check(clusters >= 400 * LONG && rows > 8 && rows <= 64, await text(page, "#strip-note"));
quiet(noise, "clusters");
// Of what was there before the process was attached to only the least age is known, and nobody is told to have mapped it.
await visit(page, make("attached", { attached: true, processes: 1 }));
const told = await page.evaluate(() => layout.rows.filter((r) => r.run).map(({ run: [i] }) => [Boolean(model.lives.flags[i] & 8), model.site(model.lives.stack[i]), Object.fromEntries(layout.about(i, model.end))]));
check(told.some(([early]) => early) && told.some(([early]) => !early), "there are mappings of both kinds");
check(told.every(([early, site, about]) => early === (site === "before attach") && early === /^before .*, > [\d.]+ \w+ old$/.test(about.since)), JSON.stringify(told.slice(0, 4)));
const shown = await page.evaluate(() => [...document.querySelectorAll("#layout-rows tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent)));
check(shown.length > 4 && shown.every((cells) => (cells[5] === "before attach") === cells[6].startsWith("> ")), JSON.stringify(shown.slice(0, 4)));
const early = await page.evaluate(() => layout.rows.findIndex((r) => r.run && model.lives.flags[r.run[0]] & 8));
await page.evaluate((row) => change({ sel: "l" + layout.rows[row].run[0] }), early);
await page.evaluate(() => detail.open());
await until(page, () => /since\s*before /.test(document.querySelector("#detail-body").textContent) && /lived > /.test(document.querySelector("#detail-body").textContent), "the detail sheet tells so");
quiet(noise, "attached");
await done(context);
