// The flame graph as something to work with: click or Enter shows a part larger, a search marks functions.  Without this
// script the picture is the same, with titles.
(function () {
    "use strict";
    var SVG = "http://www.w3.org/2000/svg", XHTML = "http://www.w3.org/1999/xhtml";
    var EDGE = 10, CHARACTER = 7.3, THIN = 0.3, NARROWEST = 760;
    var svg = document.getElementById("flame");
    var detail = document.getElementById("detail");
    var matches = document.getElementById("matches");
    var width = 1200;
    var shown, current, input, reset;

    // One for each frame drawn, parents before their children; values and offsets are those of the whole recording.
    var frames = Array.prototype.map.call(svg.querySelectorAll(".f"), function (element, index) {
        var lines = element.querySelector("title").textContent.split("\n");
        return {
            index: index,
            element: element,
            rect: element.querySelector("rect"),
            text: element.querySelector("text"),
            name: lines[0],
            about: lines.slice(1).join("   "),
            value: Number(element.getAttribute("data-value")),
            start: Number(element.getAttribute("data-start")),
            depth: Number(element.getAttribute("data-depth"))
        };
    });
    var all = frames[0];
    if (!all)
        return;

    function holds(outer, inner) {
        return outer.depth <= inner.depth && outer.start <= inner.start &&
            outer.start + outer.value >= inner.start + inner.value;
    }

    // ---- drawing ----

    function label(name, room) {
        var fit = Math.floor((room - 6) / CHARACTER);
        return name.length <= fit ? name : fit < 5 ? "" : name.slice(0, fit - 2) + "..";
    }

    function place(frame) {
        var scale = (width - 2 * EDGE) / shown.value;
        var above = frame !== shown && holds(frame, shown);
        var inside = holds(shown, frame);
        var x = above ? EDGE : EDGE + (frame.start - shown.start) * scale;
        var room = above ? width - 2 * EDGE : frame.value * scale;
        var gone = !(above || inside) || room < THIN;
        frame.element.classList.toggle("up", above);
        frame.element.classList.toggle("gone", gone);
        frame.gone = gone;
        if (gone)
            return;
        frame.rect.setAttribute("x", x.toFixed(2));
        frame.rect.setAttribute("width", Math.max(room - 0.6, 0.2).toFixed(2));
        frame.text.setAttribute("x", (x + 3).toFixed(2));
        frame.text.textContent = label(frame.name, room);
    }

    function draw() {
        frames.forEach(place);
        reset.disabled = shown === all && !input.value;
    }

    function fit() {
        if (document.documentElement === svg) {
            width = Math.max(NARROWEST, window.innerWidth);
            svg.setAttribute("width", width);
            svg.setAttribute("viewBox", "0 0 " + width + " " + svg.getAttribute("height"));
        }
        var tools = document.getElementById("tools");
        tools.setAttribute("x", width - EDGE - Number(tools.getAttribute("width")));
        matches.setAttribute("x", width - EDGE);
        draw();
    }

    // ---- where one is ----

    function tell(frame) {
        detail.textContent = frame ? frame.name + "   " + frame.about : "";
    }

    function remember() {
        var parts = [];
        if (shown !== all)
            parts.push("frame=" + shown.index);
        if (input.value)
            parts.push("find=" + encodeURIComponent(input.value));
        try {
            history.replaceState(null, "", "#" + parts.join("&"));
        } catch (ignored) { // not everywhere is that allowed
        }
    }

    function recall() {
        location.hash.slice(1).split("&").forEach(function (part) {
            var at = part.indexOf("="), key = part.slice(0, at), value = part.slice(at + 1);
            if (key === "frame" && frames[Number(value)])
                shown = frames[Number(value)];
            try {
                if (key === "find")
                    input.value = decodeURIComponent(value);
            } catch (ignored) { // somebody's broken link
            }
        });
    }

    function show(frame) {
        shown = frame;
        draw();
        remember();
    }

    function focus(frame) {
        if (!frame)
            return;
        current.element.setAttribute("tabindex", "-1");
        current = frame;
        current.element.setAttribute("tabindex", "0");
        current.element.focus();
        tell(current);
    }

    // ---- search ----

    function matcher(term) {
        var low = term.toLowerCase();
        try {
            var pattern = new RegExp(term, "i");
            return function (frame) {
                return pattern.test(frame.name);
            };
        } catch (ignored) { // no regular expression: as it stands
            return function (frame) {
                return frame.name.toLowerCase().indexOf(low) >= 0;
            };
        }
    }

    // What is inside of a match is counted once.
    function search() {
        var term = input.value, test = term ? matcher(term) : null;
        var sum = 0, count = 0, end = -1;
        frames.forEach(function (frame) {
            var hit = test !== null && frame !== all && test(frame);
            frame.element.classList.toggle("hit", hit);
            if (!hit)
                return;
            count++;
            if (frame.start >= end) {
                sum += frame.value;
                end = frame.start + frame.value;
            }
        });
        matches.textContent = !test ? "" : count === 0 ? "no match" :
            count + (count === 1 ? " frame, " : " frames, ") + (100 * sum / all.value).toFixed(1) + " % of the total";
        reset.disabled = shown === all && !term;
        remember();
    }

    function clear() {
        input.value = "";
        search();
        show(all);
    }

    // ---- keys ----

    function child(frame) {
        return frames.find(function (other) {
            return other.depth === frame.depth + 1 && holds(frame, other) && !other.gone;
        });
    }

    function parent(frame) {
        return frames.find(function (other) {
            return other.depth === frame.depth - 1 && holds(other, frame);
        });
    }

    function beside(frame, step) {
        for (var i = frame.index + step; frames[i]; i += step)
            if (frames[i].depth === frame.depth && !frames[i].gone)
                return frames[i];
        return null;
    }

    function key(event) {
        var typing = event.target === input;
        if (event.ctrlKey || event.altKey || event.metaKey)
            return;
        if (event.key === "Escape")
            clear();
        else if (typing)
            return;
        else if (event.key === "/")
            input.focus();
        else if (event.target.nodeName.toLowerCase() === "button")
            return;
        else if (event.key === "Enter" || event.key === " ")
            show(current);
        else if (event.key === "ArrowDown")
            focus(child(current));
        else if (event.key === "ArrowUp")
            focus(parent(current));
        else if (event.key === "ArrowLeft")
            focus(beside(current, -1));
        else if (event.key === "ArrowRight")
            focus(beside(current, 1));
        else
            return;
        event.preventDefault();
    }

    // ---- beginning ----

    function tools() {
        var holder = document.createElementNS(SVG, "foreignObject");
        var row = document.createElementNS(XHTML, "div");
        holder.setAttribute("id", "tools");
        holder.setAttribute("y", "8");
        holder.setAttribute("width", "330");
        holder.setAttribute("height", "30");
        row.setAttribute("class", "tools");
        input = document.createElementNS(XHTML, "input");
        input.setAttribute("type", "search");
        input.setAttribute("aria-label", "Search functions");
        input.setAttribute("placeholder", "search: text or regular expression");
        reset = document.createElementNS(XHTML, "button");
        reset.setAttribute("type", "button");
        reset.textContent = "Reset";
        input.addEventListener("input", search);
        reset.addEventListener("click", clear);
        row.appendChild(input);
        row.appendChild(reset);
        holder.appendChild(row);
        svg.appendChild(holder);
    }

    function listen(frame) {
        frame.element.setAttribute("role", "button");
        frame.element.setAttribute("tabindex", frame === all ? "0" : "-1");
        frame.element.addEventListener("click", function () {
            show(frame);
        });
        frame.element.addEventListener("mouseenter", function () {
            tell(frame);
        });
        frame.element.addEventListener("focus", function () {
            current = frame;
            tell(frame);
        });
    }

    shown = current = all;
    svg.removeAttribute("role");
    svg.classList.add("live");
    detail.setAttribute("aria-live", "polite");
    matches.setAttribute("aria-live", "polite");
    tools();
    frames.forEach(listen);
    svg.addEventListener("keydown", key);
    window.addEventListener("resize", fit);
    recall();
    fit();
    search();
})();
