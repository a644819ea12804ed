// Who calls whom, and over it the way that the incident went.

const BOX = { width: 158, height: 56, across: 236, down: 104, left: 24, top: 34 };

/** How far each state is from a fault, at most; a graph that closed a circle would be left after as many rounds as it has states. */
function depths({ nodes, edges }) {
  const depth = new Map(nodes.map((node) => [node.id, 0]));
  for (let round = 0, changed = true; changed && round < nodes.length; round += 1) {
    changed = false;
    for (const { from, to } of edges) {
      if (depth.get(to) < depth.get(from) + 1) {
        depth.set(to, depth.get(from) + 1);
        changed = true;
      }
    }
  }
  return depth;
}

/** States in the order of their onset, faults first; each with what is written on its badge. */
function numbered(incident) {
  const faults = incident.nodes.filter((node) => node.fault !== null);
  const depth = depths(incident);
  const states = incident.nodes.filter((node) => node.fault === null)
    .sort((a, b) => a.onset_ns - b.onset_ns || depth.get(a.id) - depth.get(b.id) || a.id - b.id);
  return [
    ...faults.map((node, n) => ({ ...node, mark: faults.length > 1 ? `F${n + 1}` : "F" })),
    ...states.map((node, n) => ({ ...node, mark: String(n + 1) })),
  ];
}

function place(component) {
  return { x: BOX.left + component.column * BOX.across, y: BOX.top + component.row * BOX.down };
}

/** A curve from one box to another: to the right where the other is there, else around. */
function curve(from, to, shift) {
  const a = place(from), b = place(to);
  if (to.column > from.column) {
    const [x1, y1, x2, y2] = [a.x + BOX.width, a.y + BOX.height / 2 + shift, b.x - 7, b.y + BOX.height / 2 + shift];
    const bend = (x2 - x1) / 2;
    return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
  }
  if (to.column < from.column) {
    const [x1, y1, x2, y2] = [a.x, a.y + BOX.height / 2 + shift, b.x + BOX.width + 7, b.y + BOX.height / 2 + shift];
    const bend = (x1 - x2) / 2;
    return `M${x1},${y1} C${x1 - bend},${y1} ${x2 + bend},${y2} ${x2},${y2}`;
  }
  const right = a.x + BOX.width;
  const [y1, y2] = [a.y + BOX.height / 2 + shift, b.y + BOX.height / 2 + shift];
  return `M${right},${y1} C${right + 46},${y1} ${right + 46},${y2} ${right + 7},${y2}`;
}

function arrow(id, style) {
  return svg("marker", { id, viewBox: "0 0 8 8", refX: 2, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" },
    svg("path", { d: "M0,0 L8,4 L0,8 z", class: style }));
}

function drawTopology(incident) {
  const target = content("system");
  target.replaceChildren();
  if (!report.system) {
    target.append(html("p", { class: "soft" }, "The scenario of this run cannot be read by this version, so the system is not drawn."));
    return;
  }
  const { components, calls } = report.system;
  const nodes = incident ? numbered(incident) : [];
  const found = new Map((incident?.components ?? []).map((component) => [component.name, component]));
  const columns = Math.max(...components.map((component) => component.column)) + 1;
  const rows = Math.max(...components.map((component) => component.row)) + 1;
  const width = BOX.left * 2 + (columns - 1) * BOX.across + BOX.width + 40;
  const height = BOX.top * 2 + (rows - 1) * BOX.down + BOX.height;
  const byName = new Map(components.map((component) => [component.name, component]));
  // What a link's states are of is named `caller -> callee`.
  const at = (name) => byName.get(name) ?? byName.get(name.split(" -> ")[0]);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, role: "group", "aria-label": "Components and their calls" },
    svg("defs", {}, arrow("call-head", "call-head"), arrow("led-head", "led-head")),
    calls.map(([caller, callee]) => svg("path", { class: "call", d: curve(components[caller], components[callee], 0), "marker-end": "url(#call-head)" })));
  fit(drawing, width);
  const led = new Map();
  for (const edge of incident?.edges ?? []) {
    const [from, to] = [edge.from, edge.to].map((id) => nodes.find((node) => node.id === id));
    if (!from || !to || from.component === to.component) continue;
    const key = `${from.component}\u0000${to.component}`;
    led.set(key, [...(led.get(key) ?? []), `${from.mark} → ${to.mark}: ${edge.mechanism}`]);
  }
  for (const [key, words] of led) {
    const [from, to] = key.split("\u0000").map(at);
    if (!from || !to || from === to) continue;
    drawing.append(svg("path", { class: "led", d: curve(from, to, from.column < to.column ? 9 : -9), "marker-end": "url(#led-head)" }, svg("title", {}, words.join("\n"))));
  }
  for (const component of components) {
    const { x, y } = place(component);
    const part = found.get(component.name)?.part ?? "";
    const own = nodes.filter((node) => at(node.component) === component);
    const told = own.map((node) => `${node.mark}: ${node.words}`).join("; ");
    const group = svg("g", { class: `component ${part}`, tabindex: 0, role: "img", "aria-label": `${component.name}, ${component.kind}${part ? `, ${part}` : ""}${told ? `. ${told}` : ""}` },
      svg("title", {}, [component.name, component.kind, part, told].filter(Boolean).join("\n")),
      svg("rect", { x, y, width: BOX.width, height: BOX.height, rx: 8 }),
      svg("text", { x: x + 12, y: y + 23 }, short(component.name, 20)),
      svg("text", { x: x + 12, y: y + 41, class: "small" }, [component.kind, part].filter(Boolean).join(", ")));
    own.forEach((node, n) => {
      const apart = Math.min(21, (BOX.width - 12) / own.length);
      const [cx, cy] = [x + BOX.width - 8 - apart * (own.length - 1 - n), y - 2];
      group.append(svg("g", { class: node.fault !== null ? "badge fault" : "badge" },
        svg("circle", { cx, cy, r: 9.5 }), svg("text", { x: cx, y: cy + 3.8 }, node.mark)));
    });
    drawing.append(group);
  }
  target.append(scrollable(drawing));
  if (!incident) return;
  target.append(html("ul", { class: "legend" },
    ["fault", "hurt", "touched"].map((name, n) => html("li", {}, swatch(`var(--${name})`), ["a fault acts on it", "victim", "affected, and no worse for it"][n])),
    html("li", {}, swatch("var(--hurt)", "line"), "what led to what")));
  target.append(pathOf(incident, nodes));
}

function swatch(paint, kind = "") {
  const mark = html("i", { class: kind });
  if (kind) mark.style.borderColor = paint;
  else mark.style.background = paint;
  return mark;
}

/** The way in words, in the order of time. */
function pathOf(incident, nodes) {
  if (nodes.length === 0) return html("p", { class: "soft" }, "Nothing left its band: there is no way to draw.");
  const list = html("ol", { class: "path" });
  for (const node of nodes) {
    const causes = incident.edges.filter((edge) => edge.to === node.id).map((edge) => {
      const from = nodes.find((other) => other.id === edge.from);
      const share = edge.share === null ? "" : ` (${percent(edge.share)})`;
      return `${edge.mechanism}, from ${from?.mark ?? "?"}${share}`;
    });
    const where = node.part === null ? node.component : `${node.component}/${node.part}`;
    list.append(html("li", { class: node.fault !== null ? "fault" : "" },
      html("span", { class: "mark", "aria-hidden": "true" }, node.mark),
      html("time", { title: utc(node.onset_ns) }, clock(node.onset_ns)),
      html("strong", {}, where), node.fault !== null ? ` fault ${node.words}` : ` ${node.words}`,
      causes.length > 0 ? html("span", { class: "soft" }, ` – ${causes.join("; ")}`) : null,
      node.evidence ? html("span", { class: "soft" }, ` [${node.evidence}]`) : null));
  }
  return list;
}
