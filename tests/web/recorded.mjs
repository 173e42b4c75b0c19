// node recorded.mjs REPORT: the page of a real recording is silent and quick, wide and narrow, in each mode of the strip.
import { check, done, launch, until } from "./browser.mjs";
import { quiet, visit } from "./extremes.mjs";

const [, , report] = process.argv;
const { context, page, noise } = await launch({ viewport: { width: 1600, height: 1000 } });
await visit(page, report, { first: 1500, panel: 1000 });
await page.locator("#strip-panel").scrollIntoViewIfNeeded();
for (const mode of ["protection", "owner", "age", "resident"]) {
    await page.evaluate((strip) => window.brkwater.change({ strip }), mode);
    await page.waitForTimeout(150);
}
await until(page, () => /\d looks?/.test(document.querySelector("#strip-key").textContent), "looks at resident pages");
const height = await page.evaluate(() => document.querySelector("#strip-box").clientHeight);
check(height >= 80 && height <= 64 * 20, `the strip is ${height} px high`);
await page.setViewportSize({ width: 390, height: 800 });
await page.waitForTimeout(500);
const wide = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
check(wide[0] <= wide[1], `the page is ${wide[0]} of ${wide[1]} wide`);
quiet(noise, report);
await done(context);
