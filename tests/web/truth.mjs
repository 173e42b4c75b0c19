// node truth.mjs REPORT RANGES: what the page says of ranges and moments, against what brkwater itself has said of them.
import { readFileSync } from "node:fs";
import { check, done, equal, launch, open } from "./browser.mjs";

const [, , report, answers] = process.argv;
const { ranges, moments } = JSON.parse(readFileSync(answers));
const { context, page, noise } = await launch();
await open(page, report);

const said = await page.evaluate(async (ranges) => {
    const out = [];
    for (const { from, to } of ranges) {
        const one = {};
        for (const metric of ["calls", "mapped", "returned", "time"]) one[metric] = await window.brkwater.query(from, to, metric);
        out.push(one);
    }
    return out;
}, ranges);
ranges.forEach((range, i) => {
    for (const metric of Object.keys(said[i])) {
        check(said[i][metric].exact, `range ${i} is exact`);
        equal(said[i][metric].value, range[metric], `${metric} of ${range.from} to ${range.to}`);
    }
});

const layouts = await page.evaluate((moments) => {
    const { model } = window.brkwater;
    return moments.map(({ t, proc }) => {
        const sums = new Map();
        for (const life of model.alive(t, proc).list) {
            const kind = model.kinds[model.lives.kind[life]];
            sums.set(kind, (sums.get(kind) ?? 0) + model.lives.pages[life] * 4096);
        }
        return [...sums].sort();
    });
}, moments);
moments.forEach(({ t, kinds }, i) => equal(layouts[i], kinds, `kinds at ${t}`));
equal(noise, [], "the page is silent");
done(context);
