// Names as a hostile program would choose them: all of them text, none of them markup, and nothing runs.
import { parse } from "parse5";
import { check, done, equal, file, launch, open } from "./browser.mjs";
import { makeReport } from "./fixture.mjs";

const TEXTS = [
    "</script><script>window.pwn=1</script>", "</ScRiPt ><script>window.pwn=1</script>", "<!--<script>", "-->", "]]>", "<![CDATA[", "<img src=x onerror=window.pwn=1>", "<svg onload=window.pwn=1>", "\"><b>", "' onmouseover='window.pwn=1", "`${window.pwn=1}`", "{{constructor.constructor('window.pwn=1')()}}", "&lt;b&gt;", "&#60;script&#62;",
    "\\u2028\\u2029", "\\x00nul", "\\xff\\xfe", "\\xc0\\xaf", "\\ud800", "\\u202egpj.exe", "\\x1b[2J", "__proto__", "constructor", "toString", "hasOwnProperty", "javascript:window.pwn=1", "data:text/html,<script>window.pwn=1</script>", "=cmd|'/C calc'!A0", "+1+1", "@SUM(A1)", "-2+3", "a;b;c", "a,b\"c", "<style>*{display:none}</style>", "<base href=//evil>", "<meta http-equiv=refresh content=0>", "<plaintext>", "<textarea>", "<title>", "<noscript>", "<template>", "<iframe srcdoc='<script>1</script>'>", "x".repeat(4096), "\t tab", "../../etc/passwd",
];
const html = makeReport({ texts: TEXTS, events: 1500 }), plain = makeReport({ events: 1500 });
const scripts = (text) => {
    let count = 0;
    const walk = (node) => {
        if (node.nodeName === "script") count++;
        (node.childNodes || []).forEach(walk);
    };
    walk(parse(text));
    return count;
};
equal(scripts(html), scripts(plain), "scripts in the eyes of another parser");

const { context, page, noise } = await launch();
await open(page, file("hostile.html", html));
equal(await page.evaluate(() => document.scripts.length), scripts(plain), "scripts");
await page.evaluate(async () => {
    for (const d of document.querySelectorAll("details")) d.open = true;
    for (const s of document.querySelectorAll("main > section")) {
        s.scrollIntoView();
        await new Promise((done) => setTimeout(done, 350));
    }
    document.querySelector("#view-tree").click();
});
const found = await page.evaluate((texts) => {
    const { model } = window.brkwater, all = new Set();
    for (let i = 0; i < 5000; i++) all.add(model.text(i));
    return texts.filter((t) => ![...all].some((s) => s.includes(t)));
}, TEXTS.slice(0, 40));
check(found.length <= 3, "texts that were lost: " + JSON.stringify(found));
for (const sel of ["e1", "e40", "l0", "l20", "s3", "s5"]) {
    await page.evaluate((sel) => window.brkwater.change({ sel }), sel);
    await page.waitForTimeout(250);
}
const visible = await page.evaluate(() => document.body.textContent);
check(visible.includes(TEXTS[0]) && visible.includes("<img src=x onerror=window.pwn=1>"), "hostile texts are shown as text");
equal(await page.evaluate(() => window.pwn), undefined, "nothing of it ran");
equal(await page.evaluate(() => document.querySelectorAll("#app img, #app iframe, #app style, #app base").length), 0, "no element of it");
const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#export").selectOption("csv")]);
const { readFileSync } = await import("node:fs");
const csv = readFileSync(await download.path(), "utf8");
check(!/(^|,)"?[=@]/m.test(csv), "no formula in the table");
equal(noise, [], "noise");
await done(context);
