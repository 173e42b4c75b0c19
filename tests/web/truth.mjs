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

// Parts of the run add up to the whole for every call stack: the same code is told of, wherever a range begins.
const apart = await page.evaluate(async (times) => {
    const { model } = window.brkwater, wrong = [];
    // Right behind a new program as well: what it begins with is no code's own.
    await events.seek(-1, 1, (c, i) => /^execve/.test(model.calls[c.numbers("call")[i]]) && !times.push(c.numbers("time")[i] + 1));
    for (const metric of ["calls", "mapped", "returned", "net", "time"]) {
        const whole = (await model.sums(0, model.end, metric)).values;
        for (const t of times) {
            const [a, b] = [await model.sums(0, t, metric), await model.sums(t, model.end, metric)];
            if (whole.some((value, i) => value !== a.values[i] + b.values[i])) wrong.push(`${metric} parted at ${t}`);
        }
    }
    return wrong;
}, ranges.slice(0, 40).map(({ from }) => from));
equal(apart, [], "parts and the whole");

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
