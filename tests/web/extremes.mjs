// Pages of traces that are extreme in one way: what is opened, looked at, and must not be.
import { check, equal, open, until } from "./browser.mjs";

// On a machine that others use too, CPU time is a multiple of what it is alone.
const SLACK = process.env.BRKWATER_STRICT ? 1 : 4;

export const text = (page, selector) => page.evaluate((s) => document.querySelector(s).textContent, selector);

/* Let each panel come into view; CPU of the main thread until the first picture, and of the slowest panel. */
export async function visit(page, path, { first = 800, panel = 500 } = {}) {
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const spent = async () => (await session.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value * 1000;
    const start = await spent();
    await open(page, path);
    const opened = (await spent()) - start;
    await until(page, () => performance.getEntriesByName("brkwater-ready").length > 0, "all panels have started");
    const slow = ["", 0];
    for (const id of await page.evaluate(() => [...document.querySelectorAll("#panels > section")].map((s) => s.id))) {
        const before = await spent();
        await page.evaluate((id) => document.getElementById(id).scrollIntoView(), id);
        await page.waitForTimeout(260);
        const took = (await spent()) - before;
        if (took > slow[1]) slow.splice(0, 2, id, took);
    }
    console.log(`${path.split("/").pop()}: open ${opened.toFixed(0)} ms, ${slow[0]} ${slow[1].toFixed(0)} ms of CPU`);
    check(opened <= first * SLACK, `open took ${opened} ms of CPU`);
    check(slow[1] <= panel * SLACK, `${slow[0]} took ${slow[1]} ms of CPU`);
    const wide = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    check(wide[0] <= wide[1], `the page is ${wide[0]} of ${wide[1]} wide`);
    const nodes = await page.evaluate(() => document.querySelectorAll("*").length);
    check(nodes < 12000, `${nodes} elements`);
}

/* The last row of a long table can be reached. */
export async function last(page, box, what) {
    await page.locator(box).scrollIntoViewIfNeeded();
    await page.evaluate((box) => (document.querySelector(box).scrollTop = 1e9), box);
    await until(page, (box) => {
        const table = document.querySelector(box + " table"), rows = table.querySelectorAll("tbody tr");
        return rows.length && rows[rows.length - 1].getAttribute("aria-rowindex") === table.getAttribute("aria-rowcount");
    }, what, box);
    return text(page, box + " tbody tr:last-child");
}

export const quiet = (noise, what) => equal(noise, [], what + ": noise");

/* A choice, wherever it is now: panels above may still grow. */
export const press = (page, selector) => page.evaluate((s) => document.querySelector(s).click(), selector);
