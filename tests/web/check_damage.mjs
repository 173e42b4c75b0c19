// Files that were cut off, and files with flipped bytes: the page says so, and shows what it can.
import { check, done, file, launch, until } from "./browser.mjs";
import { makeReport } from "./fixture.mjs";

const html = makeReport({ events: 800, stacks: 20 });
const { context, page, noise } = await launch();
const script = html.indexOf("</script>", html.indexOf("<script>'use strict'"));

async function banner(text, what, panel = "") {
    await page.goto("about:blank");
    await page.goto("file://" + file("damaged.html", text));
    if (panel) {
        await until(page, () => performance.getEntriesByName("brkwater-ready").length, "ready: " + what);
        await page.evaluate((panel) => document.querySelector(panel).scrollIntoView(), panel);
    }
    await until(page, () => document.querySelector("#damage") && !document.querySelector("#damage").hidden && /damaged or truncated/.test(document.querySelector("#damage").textContent), "banner: " + what);
}

// Behind the script.
for (let i = 0; i < 12; i++) {
    const at = script + 10 + Math.floor((html.length - script - 60) * i / 12);
    await banner(html.slice(0, at), `cut off at ${at} of ${html.length}`);
}
// In front of it no script can speak: what is there is the static part.
for (let i = 1; i <= 8; i++) {
    await page.goto("file://" + file("cut.html", html.slice(0, Math.floor(script * i / 9))));
    check(i < 4 || (await page.locator("body").innerText()).includes("brkwater"), "the static part of a file cut off early");
}
// A byte of each section.
const sections = [...html.matchAll(/id="s-(\w+)" data-n="\d+" data-crc="\w+">/g)];
for (const match of sections) {
    const end = html.indexOf("<", match.index + match[0].length), at = Math.floor((match.index + match[0].length + end) / 2);
    if (["e0", "heap", "code", "lod1", "lod2", "lod3", "sparse"].includes(match[1])) continue; // read when they are needed
    await banner(html.slice(0, at) + (html[at] === "A" ? "B" : "A") + html.slice(at + 1), "flipped byte in " + match[1], match[1] === "looks" ? "#layout-panel" : "");
}
await banner(html.replace(/data-crc="\w+"/, 'data-crc="00000000"'), "another checksum");
check(!noise.some((n) => /Uncaught|TypeError|RangeError/.test(n)), "exceptions: " + noise.slice(0, 3).join(" | "));
await done(context);
