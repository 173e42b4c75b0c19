'use strict';
/* format.js: the sections of this file, as format.h describes them: base64, inflated, checked, column by column. */

const format = (() => {
    const broken = [];
    const sections = new Map(); // name -> promise

    function complain(what) {
        if (broken.length < 8) broken.push(what);
        const banner = $('damage');
        banner.hidden = false;
        banner.textContent = 'This report is damaged or truncated: ' + broken.join('; ') + '. What is shown may be incomplete.';
    }

    const fromBase64 = (text) =>
        Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

    /* As a member of gzip, whose length and checksum the browser itself proves: RFC 1952. */
    async function inflate(bytes, length, crc) {
        const stream = new DecompressionStream('gzip'), writer = stream.writable.getWriter(), reader = stream.readable.getReader();
        const out = new Uint8Array(length), word = (n) => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];
        for (const part of [Uint8Array.of(31, 139, 8, 0, 0, 0, 0, 0, 0, 255), bytes, Uint8Array.of(...word(crc), ...word(length))]) writer.write(part).catch(() => 0);
        writer.close().catch(() => 0);
        for (let at = 0, part; !(part = await reader.read()).done; at += part.value.length) out.set(part.value, at);
        return out;
    }

    /* The smallest array that holds whole numbers from low to high. */
    function narrow(numbers, n, low, high) {
        const Kind = low < 0 ? (low >= -2147483648 && high <= 2147483647 ? Int32Array : Float64Array)
            : high < 256 ? Uint8Array : high < 65536 ? Uint16Array : high < 4294967296 ? Uint32Array : Float64Array;
        return Kind === Float64Array ? numbers.slice(0, n) : Kind.from(numbers.subarray(0, n));
    }

    const NONE = new Float64Array(0);
    let scratch = new Float64Array(1 << 16);

    class Section {
        constructor(bytes) {
            this.bytes = bytes;
            this.columns = new Map();
            let at = 1;
            const number = () => {
                let value = 0, scale = 1, byte;
                do {
                    byte = bytes[at++];
                    value += (byte & 127) * scale;
                    scale *= 128;
                } while (byte & 128);
                return value;
            };
            if (bytes[0] !== 1) throw new Error('format ' + bytes[0]);
            for (let left = number(); left > 0 && at < bytes.length; left--) {
                const length = number(), name = new TextDecoder().decode(bytes.subarray(at, at += length));
                const type = String.fromCharCode(bytes[at++]), count = number(), size = number();
                if (!(at + size <= bytes.length && count <= size)) throw new Error('column ' + name);
                this.columns.set(name, { type, count, start: at, end: at += size, items: null });
            }
        }

        has(name) {
            return this.columns.has(name);
        }

        count(name) {
            return this.columns.get(name)?.count ?? 0;
        }

        /* Whole numbers of a column; none when it is not there. */
        numbers(name) {
            const column = this.columns.get(name);
            return column ? (column.items ??= this.decode(column)) : new Uint8Array(0);
        }

        /* The same as one kind of array: code that reads many series in turn is several times as fast so. */
        floats(name) {
            const column = this.columns.get(name);
            return column ? (column.floats ??= this.decode(column, true)) : NONE;
        }

        decode({ type, count, start, end }, wide) {
            const bytes = this.bytes;
            if (type === 'b') return bytes.subarray(start, start + count);
            if (type === 'w') return this.wide(count, start, end);
            if (scratch.length < count) scratch = new Float64Array(count);
            const out = scratch, differences = type === 'd';
            let at = start, low = 0, high = 0, before = 0;
            for (let i = 0; i < count; i++) {
                let byte = bytes[at++], value = byte & 127;
                for (let scale = 128; byte > 127 && at < end; scale *= 128) {
                    byte = bytes[at++];
                    value += (byte & 127) * scale;
                }
                if (differences) value = before += value % 2 ? -(value + 1) / 2 : value / 2;
                if (value < low) low = value;
                if (value > high) high = value;
                out[i] = value;
            }
            return wide ? out.slice(0, count) : narrow(out, count, low, high);
        }

        /* Zigzag differences modulo 2^64, in halves of 32 bits: BigInt for each step would take ten times as long. */
        wide(count, start, end) {
            const bytes = this.bytes, halves = new Uint32Array(count * 2);
            let at = start, low = 0, high = 0;
            for (let i = 0; i < count; i++) {
                let l = 0, u = 0, shift = 0, byte;
                do {
                    byte = bytes[at++];
                    const seven = byte & 127;
                    if (shift < 32) l |= seven << shift;
                    if (shift > 25 && shift < 64) u |= shift < 32 ? seven >>> (32 - shift) : seven << (shift - 32);
                    shift += 7;
                } while (byte > 127 && at < end);
                const sign = -(l & 1);
                l = (((l >>> 1) | (u << 31)) ^ sign) >>> 0;
                u = ((u >>> 1) ^ sign) >>> 0;
                const sum = low + l;
                low = sum >>> 0;
                high = (high + u + (sum > 4294967295 ? 1 : 0)) >>> 0;
                halves[2 * i] = low;
                halves[2 * i + 1] = high;
            }
            return new BigUint64Array(halves.buffer);
        }

        /* Texts are decoded one by one, when asked for. */
        texts(name) {
            const column = this.columns.get(name);
            if (!column) return { length: 0, at: () => '' };
            if (column.items) return column.items;
            const { count, start, end } = column, bytes = this.bytes, ends = new Uint32Array(count + 1), starts = new Uint32Array(count);
            let at = start;
            for (let i = 0; i < count; i++) {
                let length = 0, scale = 1, byte;
                do {
                    byte = bytes[at++];
                    length += (byte & 127) * scale;
                    scale *= 128;
                } while (byte > 127 && at < end);
                starts[i] = at;
                at = Math.min(end, at + length);
                ends[i] = at;
            }
            const made = new Map(), decoder = new TextDecoder();
            const text = (i) => {
                if (!(i >= 0 && i < count)) return '';
                if (!made.has(i)) made.set(i, decoder.decode(bytes.subarray(starts[i], ends[i])));
                return made.get(i);
            };
            return (column.items = { length: count, at: text });
        }
    }

    const EMPTY = new Section(Uint8Array.of(1, 0));

    async function read(name, needed) {
        const element = $('s-' + name);
        try {
            if (!element) {
                if (needed) complain('no section ' + name);
                return EMPTY;
            }
            const { n, crc } = element.dataset, bytes = fromBase64(element.textContent);
            element.replaceChildren(); // the text is not needed twice
            return new Section(await inflate(bytes, Number(n), parseInt(crc, 16)));
        } catch (error) {
            complain('section ' + name + ' is not whole');
            return EMPTY;
        }
    }

    /* A section by name; an empty one, and a word at the top of the page, when it is not whole. */
    function section(name, needed = true) {
        if (!sections.has(name)) sections.set(name, read(name, needed));
        return sections.get(name);
    }

    const ended = new Promise((resolve) => {
        const check = () => {
            const mark = $('s-eof');
            if (!mark) complain('its end is missing');
            else if (document.querySelectorAll('script[data-n]').length !== Number(mark.textContent)) complain('sections are missing');
            resolve();
        };
        if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', check);
        else check();
    });

    return { section, ended, EMPTY, broken };
})();
