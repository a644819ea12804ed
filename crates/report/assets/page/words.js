// Numbers and times in words.

const report = JSON.parse(document.getElementById("data").textContent);

/** An offset since the run began: 1:02:03, or with a fraction where `fine`. */
function clock(ns, fine = false) {
  const seconds = Math.floor(ns / 1e9);
  const two = (n) => String(n).padStart(2, "0");
  const whole = `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return fine ? `${whole}.${String(Math.floor(ns / 1e6) % 1000).padStart(3, "0")}` : whole;
}

/** The same instant in UTC, to the second. */
function utc(ns) {
  return new Date((report.run.start_unix_ns + ns) / 1e6).toISOString().replace(/\.\d+Z$/, "Z");
}

/** A duration in nanoseconds with a unit that suits it. */
function duration(ns) {
  if (ns === null || ns === undefined) return "–";
  if (ns === 0) return "0";
  const size = Math.abs(ns);
  if (size >= 7.2e12) return `${(ns / 3.6e12).toFixed(1)} h`;
  if (size >= 1.2e11) return `${(ns / 6e10).toFixed(1)} min`;
  if (size >= 1e9) return `${(ns / 1e9).toFixed(2)} s`;
  if (size >= 1e6) return `${(ns / 1e6).toFixed(1)} ms`;
  return `${(ns / 1e3).toFixed(0)} µs`;
}

/** A count, grouped by thousands. */
function count(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** A share as a percentage. */
function percent(share) {
  if (share === null || share === undefined) return "–";
  const hundred = 100 * share;
  const digits = hundred >= 10 || hundred === 0 ? 0 : hundred >= 1 ? 1 : hundred >= 0.1 ? 2 : 3;
  return `${hundred.toFixed(digits)} %`;
}

/** A mark of an axis: no more digits than tell it from its neighbours. */
function mark(value, unit) {
  const text = quantity(value, unit);
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

/** A value in a unit of the saturation charts. */
function quantity(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "bytes") {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let n = 0;
    while (Math.abs(value) >= 1024 && n < units.length - 1) { value /= 1024; n += 1; }
    return `${value >= 100 || n === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[n]}`;
  }
  if (unit === "share") return percent(value);
  if (unit === "s") return duration(value * 1e9);
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 1 : 3;
  return value.toFixed(digits);
}

/** The end of a window, which belongs to it. */
function windowEnd(index) {
  return Math.min((index + 1) * report.grid.step_ns, report.run.simulated_ns);
}
