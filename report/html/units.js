'use strict';
/* units.js: sizes, counts and times as the text reports write them (report/units.c), and the small DOM helper. */

const TICKS = 1e7; // in a second

const units = (() => {
    /* amount / unit to three digits, without zeros behind the first `least`. */
    function digits(amount, unit, least) {
        const whole = Math.floor(amount / unit);
        let decimals = whole >= 100 ? 0 : whole >= 10 ? 1 : 2;
        let value = Math.floor((amount * 10 ** decimals + unit / 2) / unit);
        while (decimals && value % 10 === 0 && value >= (least > 1 ? 100 : 0)) {
            value /= 10;
            decimals--;
        }
        return { value, decimals, text: (value / 10 ** decimals).toFixed(decimals) };
    }

    function size(bytes) {
        if (bytes < 0) return '-' + size(-bytes);
        if (bytes < 1024) return String(Math.round(bytes));
        let unit = 1;
        while (unit < 6 && bytes / 1024 ** unit >= 1024) unit++;
        let d = digits(bytes, 1024 ** unit, 2);
        if (d.value === 1024 && !d.decimals && unit < 6) {
            d = { text: '1.0' };
            unit++;
        }
        return d.text + 'KMGTPE'[unit - 1];
    }

    function count(n) {
        return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
    }

    function duration(ticks) {
        if (ticks < 0) return '-' + duration(-ticks);
        const steps = [10, 1e4, TICKS], names = [' us', ' ms', ' s'];
        let unit = ticks ? 0 : 2;
        while (unit < 2 && ticks >= steps[unit + 1]) unit++;
        const d = digits(ticks, steps[unit], 1);
        if (d.value >= 1000 && !d.decimals) return unit === 2 ? count(d.value) + ' s' : '1' + names[unit + 1];
        return d.text + names[unit];
    }

    /* A moment of the run, in one unit for the whole of it and with the decimals that a view of `span` needs. */
    function moment(ticks, span, whole = model.end) {
        const [unit, name] = whole >= TICKS ? [TICKS, ' s'] : whole >= 1e4 ? [1e4, ' ms'] : [10, ' us'];
        const places = clamp(3 - Math.floor(Math.log10(Math.max(span, 1) / unit)), 0, Math.log10(unit));
        return (ticks / unit).toFixed(places) + name;
    }

    /* A size as people write it, in bytes: "64K", "1.5M"; undefined when it is none. */
    function bytes(text) {
        const [, amount, unit] = text.trim().match(/^(\d+\.?\d*) ?([KMGTPE]?)i?B?$/i) ?? [];
        return amount && Number(amount) * 1024 ** ' KMGTPE'.indexOf((unit || ' ').toUpperCase());
    }

    const many = (n, word) => `${count(n)} ${word}${n === 1 ? '' : 's'}`;
    const signed = (bytes) => (bytes > 0 ? '+' : '') + size(bytes);
    const signedCount = (n) => (n < 0 ? '-' + count(-n) : count(n));
    const hex = (n, pad = 0) => n.toString(16).padStart(pad, '0');
    const address = (page) => hex(page * 4096, 12);
    const percent = (part, whole) => (whole > 0 ? (part / whole * 100).toFixed(part / whole < 0.0995 ? 1 : 0) + ' %' : '');
    return { size, bytes, count, many, duration, moment, signed, signedCount, hex, address, percent };
})();

/* Elements: names of attributes are from this list, texts are text nodes. */
const ATTRIBUTE = /^(class|id|role|type|scope|colspan|tabindex|value|min|max|placeholder|disabled|hidden|open|for|aria-[a-z]+|data-[a-z]+)$/;

function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
        if (key === 'on') for (const type in value) element.addEventListener(type, value[type]);
        else if (key === 'text') element.textContent = value;
        else if (!ATTRIBUTE.test(key)) throw new Error('attribute ' + key);
        else if (value !== false && value != null) element.setAttribute(key, value === true ? '' : value);
    }
    element.append(...children.flat().filter((child) => child != null && child !== false));
    return element;
}

const $ = (id) => document.getElementById(id);
const button = (text, click, attributes) => h('button', { type: 'button', on: { click }, ...attributes }, text);
const bdi = (text) => h('bdi', { text });
const clamp = (x, low, high) => Math.max(low, Math.min(high, x));
const debounce = (f, ms) => {
    let timer = 0;
    return () => {
        clearTimeout(timer);
        timer = setTimeout(f, ms);
    };
};
