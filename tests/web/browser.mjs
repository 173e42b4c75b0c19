// browser.mjs: Chromium with nothing of its own to say, a page of a report, and checks that tell what failed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const folder = mkdtempSync(join(tmpdir(), "brkwater-web-"));
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let failures = 0, checks = 0;

export function check(truth, what) {
    checks++;
    if (truth) return;
    failures++;
    console.log("FAILED: " + what);
}

export const equal = (a, b, what) => check(JSON.stringify(a) === JSON.stringify(b), `${what}: ${JSON.stringify(a)} is not ${JSON.stringify(b)}`);

/* A context that collects what a silent page does not do. */
export async function launch(options = {}) {
    const context = await chromium.launchPersistentContext(join(folder, "profile-" + Math.random().toString(36).slice(2)), {
        executablePath: process.env.CHROMIUM || "/usr/bin/chromium-headless-shell", args: ARGS, viewport: { width: 1280, height: 900 }, acceptDownloads: true, offline: true, timeout: 120000, ...options,
    });
    context.setDefaultTimeout(60000);
    context.setDefaultNavigationTimeout(120000);
    const noise = [];
    context.on("request", (request) => /^(file|about|blob):/.test(request.url()) || noise.push("request " + request.url().slice(0, 200)));
    const listen = (page) => {
        page.on("console", (message) => ["error", "warning"].includes(message.type()) && noise.push(message.text()));
        page.on("pageerror", (error) => noise.push(String(error.stack || error)));
        page.on("dialog", (dialog) => (noise.push("dialog"), dialog.dismiss()));
    };
    context.pages().forEach(listen);
    context.on("page", listen);
    return { context, page: context.pages()[0], noise };
}

export function file(name, html) {
    const path = join(folder, name);
    writeFileSync(path, html);
    return path;
}

/* Open a report and wait until all of it is at work; or "brkwater-painted", its first picture. */
export async function open(page, path, hash = "", mark = "brkwater-ready") {
    await page.goto("about:blank");
    await page.goto("file://" + path + hash);
    for (let i = 0; i < 1200; i++) {
        if (await page.evaluate((mark) => performance.getEntriesByName(mark).length, mark)) return;
        await page.waitForTimeout(50);
    }
    check(false, "no picture of " + path);
}

/* Wait until a condition holds in the page; the policy of reports forbids the driver's own way of doing so. */
export async function until(page, condition, what, argument) {
    for (let i = 0; i < 400; i++) {
        if (await page.evaluate(condition, argument)) return true;
        await page.waitForTimeout(50);
    }
    check(false, "never: " + what);
    return false;
}

export function done(context) {
    return Promise.resolve(context?.close()).finally(() => {
        rmSync(folder, { recursive: true, force: true });
        console.log(`${checks} checks, ${failures} failed`);
        process.exit(failures ? 1 : 0);
    });
}

export const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
