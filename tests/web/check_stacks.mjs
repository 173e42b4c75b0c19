// A hundred thousand call stacks: the page stays silent and quick, and says what is too narrow to be shown.
import { check, done, file, launch, until } from "./browser.mjs";
import { press, quiet, text, visit } from "./extremes.mjs";
import { makeReport } from "./fixture.mjs";

const { context, page, noise } = await launch({ viewport: { width: 1600, height: 1000 } });
const html = makeReport({ events: process.env.BRKWATER_LONG ? 60000 : 3000, buckets: 2048, processes: 1, stacks: 100000 });
check(html.length < 8 << 20, `size ${html.length}`);
await visit(page, file("stacks.html", html), { first: 1500, panel: 1000 });
check((await page.evaluate(() => window.brkwater.model.stacks.n)) === 100000, "all stacks are there");
await page.locator("#metric").selectOption("calls");
await until(page, () => /too narrow/.test(document.querySelector("#sites-hidden").textContent), "what is too narrow is named");
await press(page, "#view-table");
await page.waitForTimeout(500);
check((await page.locator("#sites-table tbody tr").count()) > 5, await text(page, "#sites-table"));
await press(page, "input[name=strip][value=owner]");
await page.locator("#strip-panel").scrollIntoViewIfNeeded();
await until(page, () => document.querySelectorAll("#strip-key .swatch").length === 10 && /\d+ others/.test(document.querySelector("#strip-key").textContent), "nine owners and the others");
quiet(noise, "stacks");
await done(context);
