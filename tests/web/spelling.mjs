// node spelling.mjs REPORT LINES: each call as the page writes it, against the lines of `brkwater events`.
import { readFileSync } from "node:fs";
import { check, done, equal, launch, open } from "./browser.mjs";

const [, , report, lines] = process.argv;
const expected = JSON.parse(readFileSync(lines));
const { context, page, noise } = await launch();
await open(page, report);

/* The page's own script does it: the names are those of its own scope. */
const said = await page.evaluate(async () => {
    const out = [];
    await model.needEvents();
    for (const chunk of model.chunks) {
        const c = await model.events(chunk.i);
        for (let i = 0; i < chunk.count; i++) {
            const e = decode.row(c, i);
            out.push(`${e.call}(${e.args}) = ${e.result}`);
        }
    }
    return out;
});
equal(said.length, expected.length, "number of events");
said.forEach((text, i) => {
    // Behind the page's words the line has those of the error, how long it took, and what it changed.
    check(expected[i].startsWith(text) && /^( \([A-Z][^)]+\))?( <[\d.]+>|$)/.test(expected[i].slice(text.length)), `event ${i + 1}:\n  ${text.slice(0, 600)}\n  ${expected[i].slice(0, 600)}`);
});
equal(noise, [], "the page is silent");
done(context);
