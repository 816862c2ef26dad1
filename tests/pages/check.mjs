// Looks at every page in a browser, in two widths, light and dark, and printed.
//
//     npm install --no-package-lock --prefix tests/pages
//     node tests/pages/check.mjs BINARY EXPORT…
//
// Loads each EXPORT, and records that try to break out of a page, into stores, and writes a report, a brief, an explanation, a
// timeline and an answer of each; then asks the pages of `serve`. Of each page it checks: no message on the console, no scrolling
// to the side, no column without a width, contrast of at least 4.5 (WCAG AA) for text; for the report also the number of screens
// and printed sheets before everything else is opened, for the brief that it is one sheet. Exits with 1 and says what is wrong.
// 77 means that no browser starts on this machine. With PICTURES=DIR it also writes a picture of each page.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import chromium from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const [binary, ...exports] = process.argv.slice(2).map((path) => resolve(path));
if (!exports.length) {
  console.error("usage: node check.mjs BINARY EXPORT…");
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), "ecs-audit-pages-"));
const pictures = process.env.PICTURES;
const wrong = [];
let looks = 0;

// A4 at 96 points per inch, and the screen that people are assumed to have.
const SCREEN = 800;
const MOST_SCREENS = 6;
const MOST_SHEETS = 6;
const LOOKS = [
  { width: 1280, scheme: "light" },
  { width: 1280, scheme: "dark" },
  { width: 420, scheme: "light" },
  { width: 420, scheme: "dark" },
];

function run(...args) {
  const ran = spawnSync(binary, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  // 3: loaded or answered, with something that a person should see.
  if (ran.status !== 0 && ran.status !== 3) throw new Error(`ecs-audit ${args.join(" ")}: ${ran.stderr}`);
  return ran.stdout;
}

/** An export whose names are markup, scripts, and words that a browser cannot break. */
function hostile() {
  const folder = join(work, "hostile");
  mkdirSync(folder);
  const names = [
    "<script>window.broken=1</script>",
    "\"><img src=x onerror='window.broken=1'>",
    "</title></style><svg onload=window.broken=1>",
    "javascript:window.broken=1//&lt;b&gt;",
    "x".repeat(900),
    "\u202Etxt.exe\u0007\u001b[31m",
  ];
  const lines = names.map((name, index) => {
    const id = index.toString(16).padStart(32, "0");
    const at = `2026-03-01T0${index}:00:00Z`;
    return JSON.stringify({
      version: "0", id: `00000000-0000-0000-0000-${id.slice(-12)}`, source: "aws.ecs", "detail-type": "ECS Task State Change",
      account: "111122223333", region: "us-east-1", time: at, resources: [],
      detail: {
        taskArn: `arn:aws:ecs:us-east-1:111122223333:task/web/${id}`,
        clusterArn: "arn:aws:ecs:us-east-1:111122223333:cluster/web",
        taskDefinitionArn: "arn:aws:ecs:us-east-1:111122223333:task-definition/web:1",
        group: `service:${name}`, startedBy: name, lastStatus: "STOPPED", desiredStatus: "STOPPED", stopCode: "EssentialContainerExited",
        stoppedReason: `Essential container in task exited: ${name}`, createdAt: at, startedAt: at, stoppedAt: at, version: 3,
        containers: [{ name, exitCode: 1, lastStatus: "STOPPED", reason: name, image: name }],
      },
    });
  });
  writeFileSync(join(folder, "events.ndjson"), lines.join("\n"));
  return folder;
}

/** The pages of a store, as files. */
function pages(store, name) {
  const folder = join(work, `pages-${name}`);
  mkdirSync(folder);
  const write = (file, text) => writeFileSync(join(folder, file), text);
  run("report", "--store", store, "--out", join(folder, "report"));
  run("report", "--store", store, "--brief", "--out", join(folder, "brief"));
  write("explain.html", run("explain", "last", "--store", store, "--format", "html"));
  write("timeline.html", run("timeline", "last", "--store", store, "--format", "html"));
  write("query.html", run("query", "failures show *", "--store", store, "--format", "html"));
  return ["report/report.html", "brief/brief.html", "explain.html", "timeline.html", "query.html"].map((file) => join(folder, file));
}

/** What is wrong with the page, computed in the browser. */
function faults() {
  const found = [];
  const luminance = ([red, green, blue]) => {
    const part = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  };
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor);
      if (color.length < 4 || color[3] > 0.5) return color;
    }
    return [255, 255, 255];
  };
  const low = new Map();
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!hasText || !element.offsetParent || element.closest("svg")) continue;
    const [light, dark] = [luminance(numbers(getComputedStyle(element).color)), luminance(background(element))].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) low.set(`${element.tagName.toLowerCase()}.${element.className}`, contrast.toFixed(2));
  }
  low.forEach((contrast, element) => found.push(`contrast ${contrast} of ${element}`));
  for (const cell of document.querySelectorAll("th, td")) {
    if (cell.offsetParent && cell.getBoundingClientRect().width < 2) found.push(`a column without a width: ${cell.textContent.slice(0, 40)}`);
  }
  const side = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (side > 0) found.push(`${side} points wider than the window`);
  if (window.broken) found.push("a record ran a script");
  return found;
}

/** The browser; a machine without its libraries cannot start it, which is no fault of the pages. */
async function start() {
  const executablePath = await chromium.executablePath();
  try {
    return await puppeteer.launch({ executablePath, args: [...chromium.args, "--no-sandbox"], headless: "shell" });
  } catch (error) {
    console.error(`SKIPPED: pages are not looked at, because no browser starts here: ${error.message}`);
    process.exit(77);
  }
}

const browser = await start();

/** Opens an address in each look; `visit` may do something on the page. */
async function look(name, address, visit = async () => {}) {
  for (const { width, scheme } of LOOKS) {
    const where = `${name}, ${width} points, ${scheme}`;
    const page = await browser.newPage();
    page.on("console", (message) => wrong.push(`${where}: console: ${message.text()}`));
    page.on("pageerror", (error) => wrong.push(`${where}: ${error}`));
    page.on("dialog", (dialog) => { wrong.push(`${where}: a dialog`); dialog.dismiss(); });
    await page.setViewport({ width, height: SCREEN });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.goto(address, { waitUntil: "load" });
    await visit(page, where);
    if (pictures) {
      // A browser does not draw a picture of unlimited height.
      const height = Math.min(8000, await page.evaluate(() => document.documentElement.scrollHeight));
      const path = join(pictures, `${where.replace(/[^a-z0-9]+/gi, "-")}.png`);
      await page.screenshot({ path, clip: { x: 0, y: 0, width, height }, captureBeyondViewport: true });
    }
    // Folded parts are checked, too; `offsetParent` is null within them.
    const folded = await page.evaluate(faults);
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
    for (const fault of new Set([...folded, ...(await page.evaluate(faults))])) wrong.push(`${where}: ${fault}`);
    looks += 1;
    await page.close();
  }
}

/** The number of printed sheets of a page, and its height in screens. */
async function extent(address) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: SCREEN });
  await page.goto(address, { waitUntil: "load" });
  const screens = (await page.evaluate(() => document.documentElement.scrollHeight)) / SCREEN;
  const pdf = Buffer.from(await page.pdf({ format: "A4" })).toString("latin1");
  await page.close();
  return { screens, sheets: pdf.match(/\/Type\s*\/Page\b/g).length };
}

/** The page of `serve`: a query, then an explanation of its first row. */
async function serve(store, name) {
  const server = spawn(binary, ["serve", "--store", store, "--quiet"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [address] = await new Promise((done) => createInterface({ input: server.stdout }).once("line", (line) => done([line])));
    await look(`${name}/serve`, address, async (page, where) => {
      await page.waitForSelector("#query");
      await page.evaluate(() => { document.querySelector("#query").value = "failures limit 20"; });
      await page.click("#run");
      const explain = () => [...document.querySelectorAll("td button")].find((button) => button.textContent.trim() === "explain");
      await page.waitForFunction(`(${explain})()`, { timeout: 30000 });
      for (const fault of await page.evaluate(faults)) wrong.push(`${where}, answer: ${fault}`);
      await page.evaluate(`(${explain})().click()`);
      await page.waitForNetworkIdle({ idleTime: 500 });
    });
  } finally {
    server.kill();
  }
}

try {
  const inputs = [...exports, hostile()];
  for (const [index, input] of inputs.entries()) {
    const name = index < exports.length ? `${index + 1}` : "hostile";
    const store = join(work, `store-${name}`);
    run("load", "--store", store, "--quiet", input);
    for (const file of pages(store, name)) await look(file.slice(work.length + 7), `file://${file}`);
    const report = await extent(`file://${join(work, `pages-${name}`, "report/report.html")}`);
    const brief = await extent(`file://${join(work, `pages-${name}`, "brief/brief.html")}`);
    console.log(`${input}: report ${report.screens.toFixed(1)} screens, ${report.sheets} sheets; brief ${brief.sheets} sheet`);
    if (report.screens > MOST_SCREENS) wrong.push(`${name}: the report has ${report.screens.toFixed(1)} screens`);
    if (report.sheets > MOST_SHEETS) wrong.push(`${name}: the report has ${report.sheets} printed sheets`);
    if (brief.sheets !== 1) wrong.push(`${name}: the brief has ${brief.sheets} printed sheets`);
    await serve(store, name);
  }
} finally {
  await browser.close();
  rmSync(work, { recursive: true, force: true });
}
if (!looks) wrong.push("no page was looked at");
wrong.forEach((fault) => console.error(fault));
console.log(`${looks} looks at pages, ${wrong.length} faults`);
process.exit(wrong.length ? 1 : 0);
