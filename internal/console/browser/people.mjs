// What people do in the console, in a real browser: enter, leave, look. Used by
// the tests and by the screenshots.
import { createHmac } from "node:crypto";
import { chromium } from "playwright-core";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const chrome = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

export async function browser() {
  return chromium.launch({ executablePath: chrome, args: ["--no-sandbox", "--disable-gpu", "--force-prefers-reduced-motion"] });
}

// code is a one-time code (RFC 6238) of the secret, at a step from now.
export function code(secret, steps = 0) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const c of secret.replace(/ /g, "")) bits += alphabet.indexOf(c).toString(2).padStart(5, "0");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + steps));
  const sum = createHmac("sha1", key).update(message).digest();
  const at = sum[19] & 15;
  return String((sum.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, "0");
}

// watch collects what no page may do: errors on the console, requests that
// fail, answers that say the server is wrong.
export function watch(page, said = []) {
  page.on("console", (m) => {
    if (m.type() === "error" || m.type() === "warning") said.push(`console: ${m.text()} (${page.url()})`);
  });
  page.on("pageerror", (e) => said.push(`script: ${e.message} (${page.url()})`));
  page.on("requestfailed", (r) => {
    const why = r.failure()?.errorText;
    if (why !== "net::ERR_ABORTED") said.push(`request: ${r.url()} ${why}`); // a stream that ends with its page
  });
  page.on("response", (r) => {
    if (r.status() >= 500) said.push(`answer: ${r.status()} ${r.url()}`);
  });
  return said;
}

export const password = "mada mienai yama";

// join accepts an invitation and returns the secret of the codes.
export async function join(page, link, name) {
  await page.goto(link);
  const secret = await page.locator('input[name="key"]').inputValue();
  if (name) await page.fill("#f-name", name);
  await page.fill("#f-password", password);
  // The code of the last half minute counts until this one ends: on a busy
  // machine the answer may come after that.
  const into = Date.now() % 30000;
  if (into > 12000) await page.waitForTimeout(30000 - into);
  await page.fill("#f-code", code(secret, -1));
  await page.locator('form[action="/join"] button').click();
  await page.waitForURL("**/login**");
  return secret;
}

// enter logs in; step chooses which of the codes that count now is taken, as
// each counts once.
export async function enter(page, origin, name, secret, step = 0) {
  await page.goto(origin + "/login");
  await page.fill("#f-name", name);
  await page.fill("#f-password", password);
  await page.fill("#f-code", code(secret, step));
  await page.locator('form[action="/login"] button').click();
  await page.waitForURL((u) => !u.pathname.startsWith("/login"));
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// inspect returns the serious findings of axe-core about a page, against WCAG
// 2.2 A and AA.
export async function inspect(page) {
  // The policy of the page forbids inline scripts, so axe runs in a world of its own.
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
  await session.send("Runtime.evaluate", { contextId: executionContextId, expression: axe });
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    contextId: executionContextId,
    awaitPromise: true,
    returnByValue: true,
    expression: `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }).then((r) =>
      r.violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ") + " " + n.failureSummary).join(" | ")))`,
  });
  await session.detach();
  if (exceptionDetails) throw new Error("axe: " + exceptionDetails.text);
  return result.value;
}
