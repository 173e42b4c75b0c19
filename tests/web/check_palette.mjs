// Any two kinds differ, to colour-blind eyes too (Machado 2009, full severity), and all stand out from the ground.
import { check, read } from "./browser.mjs";

const source = read("../../report/html/paint.js");
const palette = (name) => Object.fromEntries([...source.match(new RegExp(`const ${name} = \\{(.*)\\};`))[1].matchAll(/(\w+): '(#\w{6})'/g)].map((m) => [m[1], m[2]]));
const EYES = {
    usual: [[1, 0, 0], [0, 1, 0], [0, 0, 1]], protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]], tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
const linear = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
const luminance = (hex) => linear(hex).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => (Math.max(luminance(a), luminance(b)) + 0.05) / (Math.min(luminance(a), luminance(b)) + 0.05);
function lab(rgb) {
    const f = (t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116), dot = (row) => row.reduce((sum, k, i) => sum + k * rgb[i], 0);
    const [x, y, z] = [f(dot([0.4124, 0.3576, 0.1805]) / 0.95047), f(dot([0.2126, 0.7152, 0.0722])), f(dot([0.0193, 0.1192, 0.9505]) / 1.08883)];
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
const seen = (hex, eyes) => lab(eyes.map((row) => Math.min(1, Math.max(0, row.reduce((sum, k, i) => sum + k * linear(hex)[i], 0)))));

for (const name of ["LIGHT", "DARK"]) {
    const colors = palette(name), kinds = ["heap", "arena", "chunk", "stack", "image", "file", "shared", "guard", "kernel", "anonymous"];
    let least = Infinity;
    for (const a of kinds) {
        check(contrast(colors[a], colors.ground) >= 3.05, `${name} ${a}: contrast ${contrast(colors[a], colors.ground).toFixed(2)}`);
        for (const b of kinds.slice(0, kinds.indexOf(a)))
            for (const [eyes, matrix] of Object.entries(EYES)) {
                const p = seen(colors[a], matrix), q = seen(colors[b], matrix), distance = Math.hypot(...p.map((v, i) => v - q[i]));
                least = Math.min(least, distance);
                check(distance >= 20, `${name} ${a} and ${b} to ${eyes} eyes: ${distance.toFixed(1)}`);
            }
    }
    for (const words of ["ink", "soft", "accent"]) check(contrast(colors[words], colors.ground) >= 4.5, `${name} ${words}`);
    console.log(`${name}: least difference ${least.toFixed(1)}`);
}
const { done } = await import("./browser.mjs");
await done();
