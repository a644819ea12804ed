// The page: what is chosen, and what is drawn of it.

function drawHead() {
  const { run } = report;
  const text = run.title ? html("p", { class: "soft" }, run.name) : null;
  document.getElementById("head").append(html("h1", {}, run.title ?? run.name), ...(text ? [text] : []),
    html("p", {}, run.in_words ?? ""),
    html("p", { class: "soft" }, `seed ${run.seed}, from ${utc(0)} for ${duration(run.simulated_ns)}, digest ${run.digest}, knockon ${run.version}`),
    ...run.limits.map((limit) => html("p", { class: "hurt" }, `The run hit a limit: ${limit}.`)));
}

/** The incident that hurt most; the first of equals. */
function worst(incidents) {
  return incidents.reduce((best, one) => (best === null || one.requests.hurt > best.requests.hurt ? one : best), null);
}

function drawIncidents(chosen) {
  const target = content("incidents");
  target.replaceChildren();
  const incidents = report.incidents;
  if (incidents === null || incidents.length === 0) {
    const why = report.faults.length === 0 ? "No fault acted in this run, so there is no incident." : "The run was made without truth: what its faults did is not known. Run it again without --no-truth.";
    target.append(html("p", {}, why));
    return;
  }
  if (incidents.length > 1) {
    target.append(html("div", { class: "choices", role: "group", "aria-label": "Incidents" }, incidents.map((one) => html("button", {
      type: "button", "aria-pressed": String(one === chosen), onclick: () => { choose(one); content("incidents").querySelector('[aria-pressed="true"]')?.focus(); },
    }, `#${one.incident} ${one.faults.map((fault) => fault.name).join(", ")}`, html("small", {}, `${clock(one.start.offset_ns)}, ${count(one.requests.hurt)} requests hurt`)))));
  }
  const harm = chosen.requests;
  const fact = (value, words, style = "") => html("li", {}, html("b", { class: style }, value), words);
  target.append(html("ul", { class: "facts" },
    fact(count(harm.hurt), `requests hurt, of ${count(harm.compared)} compared`, harm.hurt > 0 ? "hurt" : ""),
    fact(count(harm.failed), "of them failed"), fact(count(harm.lost), "were never answered"),
    fact(duration(harm.user_seconds_lost * 1e9), "waited longer, all users together"),
    fact(clock(chosen.start.offset_ns), `first fault, at ${utc(chosen.start.offset_ns)}`),
    fact(chosen.undone ? clock(chosen.undone.offset_ns) : "never", "faults undone"),
    fact(chosen.recovery.at ? clock(chosen.recovery.at.offset_ns) : "–", chosen.recovery.verdict)));
  target.append(table(["fault", "on", "its part", "without it spared"], chosen.faults.map((fault) => [fault.name, fault.component, fault.role.replaceAll("_", " "), `${count(fault.without_it.hurt)} requests`]), [3]));
  target.append(html("details", { open: true }, html("summary", {}, "The story, as ", html("code", {}, "sim explain"), " tells it"), html("pre", { tabindex: 0 }, chosen.story)));
}

function drawSources() {
  const row = (...cells) => cells;
  content("sources").append(
    html("p", { class: "soft" }, `Windows are ${duration(report.grid.step_ns)} long, each without its first instant and with its last. Everything is in the run's folder; this page holds it as JSON in the element "data", durations in nanoseconds.`),
    table(["what", "table or document", "how"], [
      row("What happened, onsets, parts, recovery", "truth/incidents.json", "as it stands"),
      row("The way through the system", "truth/propagation.json", "as it stands; numbered by onset"),
      row("Touched and hurt, by component", "truth/windows", "windows with a row that is labelled, or hurt, of the contrast that the incident is told by; joined where they touch"),
      row("Announced", "observed/changes", "as it stands, the first 500"),
      row("Latency, failures", "truth/requests", "by sent_time; quantiles by nearest rank over latency_ns of all that ended; share with outcome failed"),
      row("The same without the faults", "truth/effects", "the same requests, with without_latency_ns and without_outcome for those that have a row; in windows that were compared. Users who wait for their answers before they ask again (closed sources) ask at other times without the faults: what they asked is drawn where the run asked it, and what only the other world asked is not"),
      row("How full", "observed/metrics, observed/series", "of levels the highest sample of a window (of free room the lowest), of counters what they grew by per second since the sample before; series of one process with the same meaning summed"),
      row("The same without the faults", "truth/windows", "without_value of the series (of counters: what they grow by, less with_value and more without_value by the second); where there is no row both are the same"),
      row("Single requests", "truth/requests, observed/spans, truth/ledger, observed/logs, truth/effects", "as they stand; sim explain RUN --trace ID tells the same"),
      row("Who waited because of whom", "truth/blame", "waited_ns summed from the first fault until comparing ended; the 40 largest sums"),
    ]));
}

function choose(incident) {
  drawIncidents(incident);
  drawTopology(incident);
  drawTimeline(incident);
  drawSaturation(incident);
  drawRequests(incident);
  drawFlows(incident);
  sweep();
}

drawHead();
drawSources();
const first = worst(report.incidents ?? []);
drawEndpoints();
choose(first);

let waiting = 0;
let opened = [];
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => drawn.forEach((one) => one.instance?.resize()), 100);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showAll);
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("printing");
  // Their own events would come after the paper has been printed.
  opened = [...document.querySelectorAll("#incidents > .content > details:not([open]), #saturation > .content > details:not([open])")];
  opened.forEach((details) => { details.open = true; details.show?.(); });
  showAll();
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("printing");
  opened.forEach((details) => { details.open = false; });
  showAll();
});
