// Lines over time: what users saw, and how full things were, each beside the same without the faults.

const drawn = [];
const GROUP = "time";

/** Draws a chart into a place, now and whenever the scheme or the width changes. */
function chart(target, option) {
  const one = { target, option, instance: null };
  drawn.push(one);
  show(one);
  return one;
}

function show(one) {
  one.instance?.dispose();
  one.instance = echarts.init(one.target, null, { renderer: "svg" });
  one.instance.group = one.option.group ?? "";
  one.instance.setOption(one.option());
}

/** Forgets charts whose places are gone. */
function sweep() {
  for (let n = drawn.length - 1; n >= 0; n -= 1) {
    if (!drawn[n].target.isConnected) {
      drawn[n].instance?.dispose();
      drawn.splice(n, 1);
    }
  }
}

function showAll() {
  sweep();
  drawn.forEach(show);
}

/**
 * A figure with lines by window. Each line: name, values by window, its paint, and its style: dashed, dotted or none.
 */
function lines(title, note, unit, all, describe) {
  const place = html("div", { class: "chart" });
  const count = report.grid.count;
  let cursor = 0;
  const told = html("p", { class: "told", "aria-live": "polite" });
  const figure = html("figure", { tabindex: 0, "aria-label": `${title}. ${describe} Arrow keys move through the windows.` },
    html("figcaption", {}, title, " ", html("small", {}, note)), place,
    html("ul", { class: "legend" }, all.map((line) => html("li", {}, swatch(`var(--${line.paint})`, `line ${line.style ?? ""}`), line.name))),
    told,
    lazily("Values", () => table(["until", ...all.map((line) => line.name)],
      Array.from({ length: count }, (_, n) => [clock(windowEnd(n)), ...all.map((line) => quantity(line.values[n], unit))]), all.map((_, n) => n + 1))));
  const option = () => ({
    animation: false,
    aria: { enabled: true, label: { description: `${title}. ${describe}` } },
    grid: { left: 62, right: 26, top: 10, bottom: 24 },
    xAxis: {
      type: "value", min: 0, max: report.run.simulated_ns, axisLabel: { color: color("soft"), formatter: (ns) => clock(ns), hideOverlap: true, margin: 10 },
      interval: ticks(report.run.simulated_ns)[1] ?? report.run.simulated_ns, axisLine: { lineStyle: { color: color("line") } }, splitLine: { show: false },
      axisPointer: { snap: true, lineStyle: { color: color("soft") } },
    },
    yAxis: {
      type: "value", min: 0, axisLabel: { color: color("soft"), formatter: (value) => mark(value, unit) }, ...steps(unit, all),
      splitLine: { lineStyle: { color: color("line"), opacity: 0.6 } }, splitNumber: 4,
    },
    dataZoom: [{ type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: "ctrl", moveOnMouseWheel: false, filterMode: "none" }],
    tooltip: {
      trigger: "axis", confine: true, backgroundColor: color("panel"), borderColor: color("line"), textStyle: { color: color("ink"), fontSize: 12 },
      formatter: (points) => {
        const box = html("div", {}, html("strong", {}, `until ${clock(points[0].value[0])}`), html("div", { class: "soft" }, utc(points[0].value[0])));
        for (const point of points) box.append(html("div", {}, `${point.seriesName}: ${quantity(point.value[1], unit)}`));
        return box;
      },
    },
    series: all.map((line, n) => ({
      name: line.name, type: "line", showSymbol: false, symbol: "circle", connectNulls: false, data: line.values.map((value, at) => [windowEnd(at), value]),
      step: line.paint === "limit" ? "end" : false,
      lineStyle: { color: color(line.paint), width: line.style ? 1.6 : 2, type: line.style ?? "solid", opacity: line.twin ? 0.75 : 1 }, itemStyle: { color: color(line.paint) },
      markArea: n === 0 ? faultAreas() : undefined,
    })),
  });
  option.group = GROUP;
  figure.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -count, End: count, PageUp: -10, PageDown: 10 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    cursor = Math.min(Math.max(cursor + by, 0), count - 1);
    drawn.find((one) => one.target === place)?.instance.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: cursor });
    told.textContent = `until ${clock(windowEnd(cursor))}: ${all.map((line) => `${line.name} ${quantity(line.values[cursor], unit)}`).join(", ")}`;
  });
  figure.draw = () => chart(place, option);
  return figure;
}

/** Bytes are marked in powers of two, what is counted in whole numbers. */
function steps(unit, all) {
  if (unit === "bytes") {
    const most = Math.max(...all.flatMap((line) => line.values.filter((value) => value !== null)), 1);
    const interval = 2 ** Math.ceil(Math.log2(most / 4));
    return { interval, max: interval * Math.ceil(most / interval) };
  }
  if (unit === "share") return { max: (range) => (range.max > 0.75 || !(range.max > 0) ? 1 : null) };
  return ["s", "cores", "1/s"].includes(unit) ? {} : { minInterval: 1 };
}

/** When faults were in force. */
function faultAreas() {
  const areas = report.faults.map((fault) => [{ xAxis: fault.offset_ns }, { xAxis: fault.until_offset_ns ?? report.run.simulated_ns }]);
  return { silent: true, itemStyle: { color: color("fault-soft"), opacity: 0.55 }, data: areas };
}

/** Puts figures in place, and draws them when they have a width. */
function placeFigures(target, kind, figures) {
  target.append(html("div", { class: kind }, figures));
  figures.forEach((figure) => figure.draw());
}

function drawEndpoints() {
  const target = content("endpoints");
  target.replaceChildren();
  if (report.endpoints.length === 0) {
    target.append(html("p", { class: "soft" }, "The run has no table of requests."));
    return;
  }
  const names = { p50: "median", p95: "95 % of them within", p99: "99 % of them within" };
  const select = html("select", { id: "quantile" }, Object.entries(names).map(([value, name]) => html("option", { value, selected: value === "p99" }, name)));
  const room = html("div", {});
  const draw = () => {
    room.replaceChildren();
    for (const endpoint of report.endpoints) {
      const seconds = (values) => values.map((ns) => (ns === null ? null : ns / 1e9));
      const share = ({ ended, failed }) => ended.map((all, n) => (all ? failed[n] / all : null));
      const pair = (of) => [
        { name: "as it was", values: of(endpoint.fact), paint: "fact" },
        // Where nothing was compared there is no other line.
        ...(endpoint.twin.ended.some((ended) => ended !== null) ? [{ name: "without the faults", values: of(endpoint.twin), paint: "twin", style: "dashed" }] : []),
      ];
      const what = `${endpoint.name} of ${endpoint.source}`;
      room.append(html("h3", {}, endpoint.name, " ", html("span", { class: "soft" }, `asked for by ${endpoint.source}`)));
      placeFigures(room, "pair", [
        lines("Latency", names[select.value], "s", pair((of) => seconds(of[select.value])), `Latency of ${what}, by the time of sending.`),
        lines("Failed", "of those that ended", "share", pair(share), `Share of requests for ${what} that failed.`),
      ]);
    }
    echarts.connect(GROUP);
    sweep();
  };
  select.addEventListener("change", draw);
  target.append(html("p", { class: "hint" }, html("label", { for: "quantile" }, "Latency: "), select, " ", html("span", { class: "soft" }, "Shaded: a fault is in force. Ctrl and the wheel zoom all charts.")), room);
  draw();
}

function drawSaturation(incident) {
  const target = content("saturation");
  target.replaceChildren();
  if (report.saturation.length === 0) {
    target.append(html("p", { class: "soft" }, "The run has no metrics that tell how full something is."));
    return;
  }
  const order = ["trigger", "victim", "affected", "bystander"];
  const part = new Map((incident?.components ?? []).map((component) => [component.name, component.part]));
  const rank = (name) => (part.has(name) ? order.indexOf(part.get(name)) : 0);
  const names = [...new Set(report.saturation.map((one) => one.component))].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  for (const name of names) {
    const bystander = part.get(name) === "bystander";
    const details = html("details", { open: !bystander }, html("summary", {}, html("strong", {}, name), html("span", { class: "soft" }, part.has(name) ? ` ${part.get(name)}` : "")));
    const figures = () => report.saturation.filter((one) => one.component === name).map(figureOf);
    target.append(details);
    const open = () => {
      if (!details.open || details.childElementCount > 1) return;
      placeFigures(details, "many", figures());
      echarts.connect(GROUP);
    };
    details.addEventListener("toggle", open);
    details.show = open;
    open();
  }
}

function figureOf(one) {
  const several = new Set(one.lines.map((line) => line.instance)).size > 1;
  // Of one process a paint says what a line means; of several it says of which process it is, and dots that somebody waits.
  const paints = { use: "fact", wait: "wait", limit: "limit" };
  const processes = [...new Set(one.lines.map((line) => line.instance))];
  const own = ["fact", "ok", "fault", "touched"];
  const all = [];
  for (const line of one.lines) {
    const limit = line.meaning === "limit";
    const name = several && !limit ? `${line.instance} ${line.label}` : line.label;
    const paint = several && !limit ? own[processes.indexOf(line.instance) % own.length] : paints[line.meaning];
    all.push({ name, values: line.fact, paint, style: limit ? "dashed" : several && line.meaning === "wait" ? "dotted" : null });
    if (line.twin && !limit) all.push({ name: `${name}, without the faults`, values: line.twin, paint: several ? paint : "twin", style: "dashed", twin: true });
  }
  const title = `${one.title[0].toUpperCase()}${one.title.slice(1)}${one.part === null ? "" : ` ${one.part}`}`;
  const left = one.more > 0 ? `, ${one.more} more processes are not drawn` : "";
  return lines(title, `${one.unit}${left}`, one.unit, all, `${title} of ${one.component}, in ${one.unit}.`);
}
