// The panels that are written pixel by pixel are the same, to the bit, as those that somebody has looked at.
// BRKWATER_GOLDEN=1 takes the present ones as right.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { check, done, equal, file, launch, open } from "./browser.mjs";
import { makeReport } from "./fixture.mjs";

const golden = new URL("pixels.json", import.meta.url), known = existsSync(golden) && !process.env.BRKWATER_GOLDEN ? JSON.parse(readFileSync(golden, "utf8")) : {};
const path = file("report.html", makeReport({ events: 2500 })), sums = {};

/* What a panel shows now. */
const look = (page, box) => page.evaluate((box) => {
    const pane = box === "strip-box" ? strip.pane : timeline.lanes[0], data = new Uint8Array(pane.image.data); // without the words over them
    let text = "";
    for (let i = 0; i < data.length; i += 4096) text += String.fromCharCode(...data.subarray(i, Math.min(data.length, i + 4096)));
    return { width: pane.w, colors: new Set(new Uint32Array(data.buffer)).size, text: btoa(text) };
}, box);
const sum = (pixels) => `${pixels.width} ${createHash("sha256").update(pixels.text).digest("hex").slice(0, 32)}`;

const { context, page } = await launch({ viewport: { width: 1200, height: 900 }, deviceScaleFactor: 1 });
for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    await open(page, path);
    for (const hash of ["", "#v=1&t=2-5", "#v=1&c=log&s=protection&k=heap,chunk,image"]) {
        await open(page, path, hash);
        for (const box of ["memory-box", "strip-box"]) {
            await page.locator("#" + box).scrollIntoViewIfNeeded();
            const key = `${scheme} ${box} ${hash}`;
            let pixels;
            // What is painted at once is painted again, exactly, when the page has come to rest: on a busy machine that takes a while.
            for (let i = 0; i < 60; i++) {
                await page.waitForTimeout(known[key] ? 300 : 900);
                pixels = await look(page, box);
                if (!known[key] || sum(pixels) === known[key]) break;
            }
            check(pixels.colors > 3, `${box} is not blank`);
            sums[key] = sum(pixels);
        }
    }
}
if (process.env.BRKWATER_GOLDEN || !existsSync(golden)) writeFileSync(golden, JSON.stringify(sums, null, 1) + "\n");
for (const key in known) equal(sums[key], known[key], key);
await done(context);
