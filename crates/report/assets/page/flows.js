// Blame: for how long who waited, for what, because of whom.

function drawFlows(incident) {
  const target = content("blame");
  target.replaceChildren();
  const flows = incident?.flows ?? [];
  if (flows.length === 0) {
    target.append(html("p", { class: "soft" }, report.incidents === null ? "Who waited because of whom is not known: the run was made without truth." : "Nobody waited because of anybody while worlds were compared."));
    return;
  }
  const place = html("div", { id: "sankey" });
  const resource = (flow) => (flow.kind === "others" ? "others" : `${flow.resource} (${flow.kind})`);
  target.append(
    html("p", {}, "All waiting between the first fault and the end of comparing: on the left who waited, in the middle for what, on the right because of whom. ",
      html("span", { class: "soft" }, "Widths are sums of waiting time.")),
    html("figure", { "aria-label": "Flows of blame; the same in the table below" }, place),
    lazily("The same as a table", () => table(["waited", "for", "because of", "for so long"], flows.map((flow) => [flow.waiting, resource(flow), flow.held_by, duration(flow.waited_ns)]), [3])));
  chart(place, () => {
    const sums = new Map();
    const add = (from, to, ns) => sums.set(`${from}\u0000${to}`, (sums.get(`${from}\u0000${to}`) ?? 0) + ns);
    for (const flow of flows) {
      add(`0${flow.waiting}`, `1${resource(flow)}`, flow.waited_ns);
      add(`1${resource(flow)}`, `2${flow.held_by}`, flow.waited_ns);
    }
    const names = [...new Set([...sums.keys()].flatMap((key) => key.split("\u0000")))];
    const paints = ["hurt", "wait", "fact"];
    return {
      animation: false,
      aria: { enabled: true },
      tooltip: {
        confine: true, backgroundColor: color("panel"), borderColor: color("line"), textStyle: { color: color("ink"), fontSize: 12 },
        formatter: ({ data, name, value, dataType }) => html("div", {}, dataType === "edge" ? `${data.source.slice(1)} → ${data.target.slice(1)}: ${duration(data.value)}` : `${name.slice(1)}: ${duration(value)}`),
      },
      series: [{
        type: "sankey", left: 4, right: 250, top: 8, bottom: 8, nodeWidth: 12, nodeGap: 10, draggable: false, emphasis: { focus: "adjacency" },
        data: names.map((name) => ({ name, depth: Number(name[0]), itemStyle: { color: color(paints[Number(name[0])]) } })),
        links: [...sums].map(([key, value]) => ({ source: key.split("\u0000")[0], target: key.split("\u0000")[1], value })),
        lineStyle: { color: "source", opacity: 0.25 },
        label: { color: color("ink"), fontSize: 11, formatter: ({ name }) => short(name.slice(1), 46) },
      }],
    };
  });
}
