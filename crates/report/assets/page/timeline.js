// Faults, when each component was touched and hurt, and what was announced, over the whole run.

const ROW = { height: 26, label: 190, right: 20, top: 26 };

/** Instants with whole numbers of a unit between them, some eight of them. */
function ticks(until) {
  const steps = [1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 1209600];
  const step = (steps.find((one) => until / 1e9 / one <= 9) ?? 2592000) * 1e9;
  const all = [];
  for (let at = 0; at <= until; at += step) all.push(at);
  return all;
}

function drawTimeline(chosen) {
  const target = content("timeline");
  target.replaceChildren();
  const incidents = report.incidents ?? [];
  const order = ["trigger", "victim", "affected"];
  const parts = new Map();
  for (const incident of incidents) {
    for (const component of incident.components) {
      const rank = order.indexOf(component.part);
      if (rank < 0) continue;
      const known = parts.get(component.name);
      if (!known || rank < known.rank) parts.set(component.name, { rank, onset: component.onset?.offset_ns ?? Infinity });
    }
  }
  for (const change of report.changes) if (!parts.has(change.component)) parts.set(change.component, { rank: 3, onset: Infinity });
  const components = [...parts].sort(([a, x], [b, y]) => x.rank - y.rank || x.onset - y.onset || (a < b ? -1 : 1)).map(([name]) => name);
  const rows = [...report.faults.map((fault) => ({ fault })), ...components.map((component) => ({ component }))];
  if (rows.length === 0) {
    target.append(html("p", { class: "soft" }, "No fault acted, and nothing was announced."));
    return;
  }
  const width = 1180, inner = width - ROW.label - ROW.right, height = ROW.top + rows.length * ROW.height + 8;
  const until = report.run.simulated_ns;
  const x = (ns) => ROW.label + inner * Math.min(Math.max(ns, 0), until) / until;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": "Timeline; the same in the table below" });
  fit(drawing, width);
  if (chosen) {
    drawing.append(svg("rect", { class: "chosen-span", x: x(chosen.start.offset_ns), y: ROW.top - 4, width: Math.max(2, x(chosen.compared_until.offset_ns) - x(chosen.start.offset_ns)), height: height - ROW.top }));
  }
  for (const at of ticks(until)) {
    drawing.append(svg("line", { class: "axis", x1: x(at), x2: x(at), y1: ROW.top - 6, y2: height }), svg("text", { class: "small", x: x(at), y: 12, "text-anchor": at === 0 ? "start" : x(at) > width - 50 ? "end" : "middle" }, clock(at)));
  }
  const bar = (style, from, to, y, tall, words) => svg("rect", { class: style, x: x(from), y, width: Math.max(2, x(to) - x(from)), height: tall, rx: 2 }, svg("title", {}, words));
  rows.forEach((row, n) => {
    const y = ROW.top + n * ROW.height;
    const name = row.fault ? `fault ${row.fault.name}` : row.component;
    drawing.append(svg("text", { x: 0, y: y + 17 }, svg("title", {}, name), short(name, 27)));
    if (row.fault) {
      const { offset_ns, until_offset_ns, kind, component } = row.fault;
      const to = until_offset_ns ?? until;
      drawing.append(bar("bar-fault", offset_ns, to, y + 5, 15, `${kind} of ${component}, ${clock(offset_ns)} to ${until_offset_ns === null ? "the end" : clock(to)}`));
      return;
    }
    for (const incident of incidents) {
      for (const [from, to] of incident.labelled[row.component] ?? []) drawing.append(bar("bar-labelled", from, to, y + 5, 15, `touched, ${clock(from)} to ${clock(to)}`));
      for (const [from, to] of incident.hurt[row.component] ?? []) drawing.append(bar("bar-hurt", from, to, y + 8, 9, `hurt, ${clock(from)} to ${clock(to)}`));
      const onset = incident.components.find((component) => component.name === row.component)?.onset;
      if (onset) drawing.append(svg("line", { class: "onset", x1: x(onset.offset_ns), x2: x(onset.offset_ns), y1: y + 2, y2: y + 23 }, svg("title", {}, `onset ${clock(onset.offset_ns)}`)));
    }
    for (const change of report.changes.filter((change) => change.component === row.component)) {
      const at = x(change.offset_ns);
      drawing.append(svg("path", { class: "change", d: `M${at},${y + 6} l6,7 l-6,7 l-6,-7 z` }, svg("title", {}, `${clock(change.offset_ns)} ${change.message}`)));
    }
  });
  target.append(scrollable(drawing),
    html("ul", { class: "legend" },
      html("li", {}, swatch("var(--fault)"), "a fault is in force"),
      ...(chosen ? [html("li", {}, swatch("var(--fault-soft)"), "worlds were compared")] : []), html("li", {}, swatch("var(--touched)"), "some number of it is labelled"),
      html("li", {}, swatch("var(--hurt)"), "hurt"), html("li", {}, "| onset"), html("li", {}, "◇ announced: deployment, restart, kill")),
    lazily("The same as a table", () => timelineTable(incidents)));
}

function timelineTable(incidents) {
  const rows = report.faults.map((fault) => [clock(fault.offset_ns), `fault ${fault.name}`, `${fault.kind} of ${fault.component}`, fault.until_offset_ns === null ? "the end" : clock(fault.until_offset_ns)]);
  for (const incident of incidents) {
    for (const [kind, stretches] of [["touched", incident.labelled], ["hurt", incident.hurt]]) {
      for (const [component, all] of Object.entries(stretches)) {
        for (const [from, to] of all) rows.push([clock(from), component, kind, clock(to)]);
      }
    }
  }
  for (const change of report.changes) rows.push([clock(change.offset_ns), change.component, change.message, ""]);
  const at = (text) => text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  rows.sort((a, b) => at(a[0]) - at(b[0]));
  return table(["from", "what", "", "until"], rows);
}
