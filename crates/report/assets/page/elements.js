// Elements. Whatever comes from the run goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** An HTML element with attributes and children; strings become text. */
function html(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Where a section's content goes. */
function content(id) {
  return document.querySelector(`#${id} .content`);
}

/** A table of rows of text; columns that are numbers are set to the right. */
function table(head, rows, numbers = []) {
  const kind = (n) => (numbers.includes(n) ? { class: "number" } : {});
  return html("div", { class: "scroll" }, html("table", {},
    html("thead", {}, html("tr", {}, head.map((name, n) => html("th", { scope: "col", ...kind(n) }, name)))),
    html("tbody", {}, rows.map((row) => html("tr", {}, row.map((cell, n) => html("td", kind(n), cell)))))));
}

/** Lets a drawing shrink with the page for as long as it can be read; narrower pages scroll it. */
function fit(drawing, width) {
  drawing.style.maxWidth = "100%";
  drawing.style.minWidth = `${Math.round(width * 0.75)}px`;
}

/** Where a drawing that is wider than the page can be moved, with the keyboard too. */
function scrollable(drawing) {
  return html("div", { class: "scroll", tabindex: 0 }, drawing);
}

/** What a color or a part's color is in the page's present scheme. */
function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** A part that opens, and is made when it does for the first time. */
function lazily(summary, make) {
  const details = html("details", {}, html("summary", {}, summary));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(make());
  });
  return details;
}

/** Cuts text that has no room. */
function short(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
