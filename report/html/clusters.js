'use strict';
/*
 * clusters.js: where addresses are in the strip.  Ranges that lie near each other are one cluster; a row shows one, as
 * high as the logarithm of its size.  Many small clusters between larger ones are folded into one row, one on the other.
 *
 * Each execve makes a new address space, at other addresses.  A process is in one at a time, so all of its spaces share
 * rows: those below the widest gap by their number from the lowest on, those above it from the highest on.  There, less
 * is near: how far the heap is from its program is left to chance, and each time another distance.
 */

const clusters = (() => {
    const LEAST = 14, NEAR = 256, ALONE = 31; // clusters with a row of their own when they are too many; 64 rows at most
    let rows = [], pieces = new Map(), spaces = [], linear = false, cut = 13, height = 80;

    /* Parts of one space as [from, to, name], from low to high addresses: L0, L1, ... H1, H0. */
    function named(parts) {
        let wide = 0, at = parts.length;
        for (let i = 1; i < parts.length; i++) {
            const gap = parts[i][0] - parts[i - 1][1];
            if (gap > wide) [wide, at] = [gap, i];
        }
        return parts.map(([from, to], i) => ({ from, to, high: i >= at, rank: i < at ? i : parts.length - 1 - i }));
    }

    /* What was mapped in each space, as [from, to]: what is near has been joined already, or is joined here. */
    function parts() {
        const own = new Map(spaces.map((s) => [s, []])), { n, space, start_page, pages } = model.lives, [of, from, to] = model.extents;
        if (spaces.length > 1) for (let i = 0; i < n; i++) own.get(space[i])?.push([start_page[i], start_page[i] + pages[i]]);
        else for (let i = 0; i < of.length; i++) own.get(of[i])?.push([from[i], to[i]]);
        for (const [s, list] of own) {
            const joined = [];
            for (const [low, high] of list.sort((a, b) => a[0] - b[0])) {
                const last = joined[joined.length - 1];
                if (last && low - last[1] < NEAR) last[1] = Math.max(last[1], high);
                else joined.push([low, high]);
            }
            own.set(s, joined);
        }
        return own;
    }

    /* Members of all rows, from low to high: each of one name in all spaces, as large as the largest. */
    function members() {
        const byName = new Map();
        pieces = new Map();
        for (const [s, list] of parts()) {
            pieces.set(s, named(list));
            for (const piece of pieces.get(s)) {
                const key = (piece.high ? 'H' : 'L') + piece.rank, member = byName.get(key) ?? { high: piece.high, rank: piece.rank, size: 0, at: 0, pieces: [] };
                member.size = Math.max(member.size, piece.to - piece.from);
                member.pieces.push(piece);
                byName.set(key, member);
            }
        }
        return [...byName.values()].sort((a, b) => a.high - b.high || (a.high ? b.rank - a.rank : a.rank - b.rank));
    }

    function fold(all) {
        const few = all.length <= 2 * ALONE + 1, small = few ? -1 : all.map((m) => m.size).sort((a, b) => b - a)[ALONE];
        rows = [];
        for (const member of all) {
            const last = rows[rows.length - 1];
            if (last && member.size <= small && last.small) {
                member.at = last.size;
                last.size += member.size;
                last.members.push(member);
            } else rows.push({ size: member.size, members: [member], small: member.size <= small });
        }
        for (const row of rows)
            for (const member of row.members)
                for (const piece of member.pieces) Object.assign(piece, { row, base: member.at + (member.high ? member.size - (piece.to - piece.from) : 0) });
    }

    function place(proc) {
        spaces = model.spaces.map((_, s) => s).filter((s) => model.spaces[s].proc === proc);
        fold(members());
        const weight = (row) => (linear ? row.size : Math.max(0.5, Math.log2(row.size + 1) - 3));
        const total = rows.reduce((sum, row) => sum + weight(row), 0) || 1, spare = Math.max(0, 300 - rows.length * (LEAST + 2));
        let y = 0;
        cut = rows.length > 20 ? 3 : 13; // too many for a label at each
        for (let i = rows.length - 1; i >= 0; i--) {
            const row = rows[i];
            row.top = y;
            row.height = LEAST + Math.round(spare * weight(row) / total);
            y += row.height + (i ? cut : 0);
        }
        return (height = Math.max(80, y));
    }

    /* The piece of a space that holds a page. */
    function find(space, page) {
        const list = pieces.get(space);
        let low = 0, high = list ? list.length - 1 : -1;
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (list[middle].from <= page) low = middle;
            else high = middle - 1;
        }
        return list?.[low] && page >= list[low].from && page < list[low].to ? list[low] : null;
    }

    const y = ({ row, base, from }, page) => row.top + (row.size - base - (page - from)) / row.size * row.height;

    /* The page of a space at a height; undefined where it has none. */
    function pageAt(space, at) {
        const row = rows.find((r) => at >= r.top && at < r.top + r.height);
        const offset = row && row.size - (at - row.top) / row.height * row.size;
        const piece = row && pieces.get(space)?.find((p) => p.row === row && offset > p.base && offset <= p.base + p.to - p.from);
        return piece && piece.from + offset - piece.base;
    }

    /* The address space at a moment, or the one nearest to it. */
    function spaceAt(t) {
        let best = spaces[0];
        for (const s of spaces) if (model.spaces[s].start <= t) best = s;
        return best;
    }

    const inView = () => spaces.filter((s) => model.spaces[s].start < state.t1 && model.spaces[s].end > state.t0);

    /* Rows of a space as ranges of addresses, from low to high. */
    function ranges(space) {
        const out = new Map();
        for (const { row, from, to } of pieces.get(space) ?? []) out.set(row, [out.get(row)?.[0] ?? from, to]);
        return out;
    }

    return {
        place, find, y, pageAt, spaceAt, inView, ranges, get rows() { return rows; }, get spaces() { return spaces; }, get cut() { return cut; }, get height() { return height; },
        get linear() { return linear; }, toggle: () => (linear = !linear), get count() { return rows.reduce((sum, row) => sum + row.members.length, 0); },
    };
})();
