// look.mjs CHROMIUM PAGES PICTURES: opens the pages in a folder and holds against them what README.md says.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [, , executablePath, pages, pictures] = process.argv;
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"],
});

/** Opens a page without a network, does something with it, and holds that nothing was loaded, refused or complained about. */
async function open(name, options, look) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, offline: true, ...options });
  const page = await context.newPage();
  const file = join(pages, `${name}.html`);
  const wrong = [];
  page.on("console", (message) => wrong.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.stack}`));
  page.on("dialog", (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => { if (request.url() !== pathToFileURL(file).href && !request.url().startsWith("data:")) wrong.push(`loaded: ${request.url()}`); });
  await page.addInitScript(() => {
    globalThis.refused = [];
    document.addEventListener("securitypolicyviolation", (event) => globalThis.refused.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(pathToFileURL(file).href);
  const data = JSON.parse(await page.locator("#data").textContent());
  await look(page, data, file);
  assert.deepEqual(await page.evaluate(() => globalThis.refused), [], `${name}: refused by the page's policy`);
  assert.deepEqual(wrong, [], name);
  await context.close();
  console.log(`${name} ${JSON.stringify(options)}: holds`);
}

const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const pictureOf = (locator, name) => locator.screenshot({ path: join(pictures, `${name}.png`) });

for (const name of ["pool_exhaustion", "memory_leak"]) {
  await open(name, {}, async (page, data) => {
    const incident = data.incidents[0];
    assert.equal(await page.locator("#incidents .facts b").first().textContent(), grouped(incident.requests.hurt));
    assert.equal(await page.locator("#incidents pre").textContent(), incident.story);
    assert.equal(await page.locator("#system .component").count(), data.system.components.length);
    assert.equal(await page.locator("#system .call").count(), data.system.calls.length);
    assert.equal(await page.locator("#system .path li").count(), incident.nodes.length);
    assert.equal(await page.locator("#endpoints figure").count(), 2 * data.endpoints.length);
    for (const word of ["victim", "trigger", "bystander"]) {
      const parts = incident.components.filter((component) => component.part === word).length;
      assert.equal(await page.locator(`#system .component.${word}`).count(), parts, word);
    }
    // The line of a chart ends where its data do.
    const drawn = await page.locator("#endpoints figure").first().locator("svg path").count();
    assert.ok(drawn >= 3, `${drawn} lines and axes`);
    await pictureOf(page, name);
    await pictureOf(page.locator("#system"), `${name}-system`);
  });
}

// By keyboard alone: everything that can be worked is reached in order, a chart's values one window at a time, a table opens.
await open("pool_exhaustion", {}, async (page, data) => {
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  const seen = new Set();
  for (let n = 0; n < 200; n += 1) {
    const at = await page.evaluate(() => {
      const active = document.activeElement;
      return [active.tagName.toLowerCase(), active.closest("section")?.id ?? ""].join(" ");
    });
    seen.add(at);
    await page.keyboard.press("Tab");
  }
  for (const place of ["a ", "summary incidents", "g system", "summary timeline", "select endpoints", "figure endpoints", "figure saturation", "button requests", "summary blame"]) {
    assert.ok(seen.has(place), `${place} is reached: ${[...seen].join(", ")}`);
  }
  const figure = page.locator("#endpoints figure").first();
  await figure.focus();
  for (let n = 0; n < 90; n += 1) await page.keyboard.press("ArrowRight");
  const told = await figure.innerText();
  const p99 = data.endpoints[0].fact.p99[90];
  assert.ok(told.includes("until 0:22:45") && told.includes(`${(p99 / 1e9).toFixed(2)} s`), `the 91st window: ${told}`);
  await figure.locator("summary").focus();
  await page.keyboard.press("Enter");
  // What opens is made when it has opened.
  await figure.locator("tbody tr").first().waitFor();
  assert.equal(await figure.locator("tbody tr").count(), data.grid.count);
  await page.locator("#requests button").nth(1).focus();
  await page.keyboard.press("Enter");
  const trace = data.incidents[0].waterfalls[1].waterfall.trace_id;
  assert.ok((await page.locator("#waterfall").innerText()).includes(trace));
  await page.locator("#quantile").selectOption("p50");
  assert.equal(await page.locator("#endpoints figure").count(), 2 * data.endpoints.length);
});

// In the dark, what is read stands out as much as WCAG asks of text (4.5 : 1).
for (const colorScheme of ["light", "dark"]) {
  await open("memory_leak", { colorScheme }, async (page) => {
    const ratios = await page.evaluate(() => {
      const style = getComputedStyle(document.documentElement);
      const light = (name) => {
        const hex = style.getPropertyValue(`--${name}`).trim().slice(1);
        const [r, g, b] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
      return Object.fromEntries(["ink", "soft", "hurt"].flatMap((text) => ["ground", "panel"].map((on) => [`${text} on ${on}`, ratio(text, on)])));
    });
    for (const [what, ratio] of Object.entries(ratios)) assert.ok(ratio >= 4.5, `${what} in the ${colorScheme} scheme: ${ratio}`);
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(ground === "rgb(255, 255, 255)", colorScheme === "light", ground);
    if (colorScheme === "dark") await pictureOf(page.locator("#saturation"), "memory_leak-saturation-dark");
  });
}

// On paper everything is there that is open on the screen, in light colours.
await open("memory_leak", { colorScheme: "dark" }, async (page) => {
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.locator("#saturation details:not([open]):has(> summary > strong)").count(), 0, "nothing stays closed");
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  const paper = await page.pdf({ format: "A4", printBackground: true });
  const sheets = paper.toString("latin1").match(/\/Type\s*\/Page\b/g).length;
  assert.ok(sheets >= 4 && sheets <= 16, `${sheets} sheets`);
});

// A narrow screen scrolls no more than one way.
await open("pool_exhaustion", { viewport: { width: 390, height: 800 } }, async (page) => {
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(inner <= outer + 1, `${inner} of ${outer}`);
  // Drawings stay large enough to be read, and are scrolled by themselves.
  for (const section of ["system", "timeline"]) {
    const [drawn, shown] = await page.evaluate((id) => {
      const box = document.querySelector(`#${id} .scroll`);
      return [box.scrollWidth, box.clientWidth];
    }, section);
    assert.ok(drawn > 1.2 * shown, `${section}: ${drawn} of ${shown}`);
  }
});

// Names are text: no element, no attribute, no script comes of them.
await open("markup", {}, async (page, data, file) => {
  assert.equal(await page.title(), `${data.run.title} – knockon`);
  assert.equal(await page.locator("img, iframe, object, embed, svg[onload], [onerror], [onclick]").count(), 0);
  assert.ok((await page.locator("h1").textContent()).includes("<img src=x onerror="));
  assert.ok((await page.locator("#waterfall").textContent()).includes("<img src=x onerror=alert(1)> <!-- <b onclick=alert(2)> ]]> \" ' &amp;"));
  assert.equal(readFileSync(file, "utf8").match(/<script/g).length, 3);
});

await browser.close();
