// Single requests: their spans, where the time of each went, and the same request without the faults.

const PARTS = {
  queued: "in a queue", pool: "waiting for a connection", computing: "computing", cpu_wait: "waiting for a core", throttled: "throttled",
  paused: "standing still", network: "on the wire", backing_off: "backing off or sleeping", lock: "waiting for a lock", child: "waiting for a callee",
};

function drawRequests(incident) {
  const target = content("requests");
  target.replaceChildren();
  const chosen = incident?.waterfalls ?? [];
  if (chosen.length === 0) {
    target.append(html("p", { class: "soft" }, report.incidents === null ? "Which requests were hurt is not known: the run was made without truth." : "No request was hurt."));
    return;
  }
  const room = html("div", { id: "waterfall" });
  const buttons = chosen.map((one, n) => html("button", { type: "button", "aria-controls": "waterfall", onclick: () => choose(n) },
    one.waterfall.client ? `${one.waterfall.client.name}` : one.waterfall.trace_id, html("small", {}, one.why)));
  const choose = (n) => {
    buttons.forEach((button, m) => button.setAttribute("aria-pressed", String(m === n)));
    room.replaceChildren(...waterfall(chosen[n].waterfall));
  };
  target.append(html("div", { class: "choices", role: "group", "aria-label": "Requests" }, buttons), room);
  choose(0);
}

/** A bar with the parts of a ledger as lengths. They are not in the order in which time passed. */
function bar(from, length, extent, parts, kind = "") {
  const whole = extent[1] - extent[0] || 1;
  const sum = Object.values(parts).reduce((a, b) => a + Math.max(b, 0), 0);
  const box = html("div", { class: `bar ${kind}`, title: Object.entries(parts).map(([part, ns]) => `${PARTS[part]}: ${duration(ns)}`).join("\n") });
  box.style.left = `${100 * (from - extent[0]) / whole}%`;
  box.style.width = `${Math.min(100, 100 * length / whole)}%`;
  for (const part of Object.keys(PARTS)) {
    if (!(parts[part] > 0)) continue;
    const piece = html("span", {});
    piece.style.width = `${100 * parts[part] / sum}%`;
    piece.style.background = `var(--part-${part})`;
    box.append(piece);
  }
  return html("div", { class: "track" }, box);
}

function waterfall(one) {
  const { client, spans } = one;
  const twin = one.twins[0];
  const starts = spans.map((span) => span.start_ns), ends = spans.map((span) => span.start_ns + span.duration_ns);
  if (client) {
    starts.push(client.sent_ns);
    ends.push(client.sent_ns + client.latency_ns);
    if (twin?.without_latency_ns) ends.push(client.sent_ns + twin.without_latency_ns);
  }
  const extent = [Math.min(...starts), Math.max(...ends)];
  const rows = [];
  const row = (depth, name, length, track, failed) => {
    const label = html("td", { class: failed ? "failed" : "" }, name);
    label.style.paddingLeft = `${depth * 1.1}em`;
    rows.push(html("tr", {}, label, html("td", { class: "number" }, length), html("td", {}, track)));
  };
  if (client) {
    row(0, `${client.source} ${client.name}: ${client.outcome}${client.error ? `, ${client.error}` : ""}`, duration(client.latency_ns), bar(client.sent_ns, client.latency_ns, extent, client.parts), client.outcome === "failed");
    if (twin) {
      const parts = { ...client.parts };
      for (const [part, ns] of Object.entries(twin.differences)) parts[part] = (parts[part] ?? 0) - ns;
      const known = twin.without_latency_ns !== null;
      row(0, `the same without the faults: ${twin.without_outcome}${twin.without_error ? `, ${twin.without_error}` : ""}`, known ? duration(twin.without_latency_ns) : "–", known ? bar(client.sent_ns, twin.without_latency_ns, extent, parts, "without") : "", twin.without_outcome === "failed");
    }
  }
  for (const span of spans) {
    const tries = span.resends ? `, try ${span.resends + 1}` : "";
    row(span.depth + 1, `${span.service} ${span.kind.toLowerCase()} ${span.name}${span.peer ? ` → ${span.peer}` : ""}${tries}${span.error ? `: ${span.error}` : ""}`, duration(span.duration_ns), bar(span.start_ns, span.duration_ns, extent, span.parts), span.failed);
    for (const log of span.logs) rows.push(html("tr", {}, logCell(log, span.depth + 2)));
  }
  for (const log of one.logs) rows.push(html("tr", {}, logCell(log, 1)));
  const used = new Set([...spans.flatMap((span) => Object.keys(span.parts)), ...Object.keys(client?.parts ?? {})]);
  const out = [
    html("p", { class: "soft" }, `Trace ${one.trace_id}, sent at ${clock(extent[0], true)} (${utc(extent[0])}), `, `${duration(extent[1] - extent[0])} drawn.`),
    html("div", { class: "scroll" }, html("table", { class: "waterfall" },
      html("colgroup", {}, html("col", { style: "width:44%" }), html("col", { style: "width:9%" }), html("col", {})),
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "span"), html("th", { scope: "col", class: "number" }, "took"), html("th", { scope: "col" }, `from ${clock(extent[0], true)} to ${clock(extent[1], true)}`))),
      html("tbody", {}, rows))),
    html("ul", { class: "legend" }, Object.entries(PARTS).filter(([part]) => used.has(part)).map(([part, name]) => html("li", {}, swatch(`var(--part-${part})`), name))),
    html("p", { class: "soft" }, "A bar's colours are how much of its time went where, not when."),
  ];
  if (client) out.push(lazily("Where the request's time went, with the faults and without", () => ledger(client, twin)));
  if (one.holders.length > 0) {
    out.push(html("h3", {}, "Who held what it may have waited for, in those windows"),
      table(["resource", "held for", "doing", "others waited"], one.holders.map((holder) => [`${holder.resource} (${holder.kind})`, holder.holding ?? "nobody", holder.activity.replace(/^child /, "waiting for ").replace(/^pool /, "waiting for a connection of "), duration(holder.waited_ns)]), [3]));
  }
  return out;
}

function logCell(log, depth) {
  const cell = html("td", { class: "log", colspan: 3 }, `${clock(log.time_ns, true)} ${log.service} ${log.severity} ${log.body}`);
  cell.style.paddingLeft = `${depth * 1.1}em`;
  return cell;
}

function ledger(client, twin) {
  const known = twin !== undefined && twin.without_latency_ns !== null;
  const differences = known ? twin.differences : {};
  const all = Object.keys(PARTS).filter((part) => client.parts[part] || differences[part]);
  const rows = all.map((part) => {
    const is = client.parts[part] ?? 0, more = differences[part] ?? 0;
    return [PARTS[part], duration(is), known ? duration(is - more) : "–"];
  });
  rows.push(["in all", duration(client.latency_ns), known ? duration(twin.without_latency_ns) : "–"]);
  return table(["", "as it was", "without the faults"], rows, [1, 2]);
}
