// What somebody sees in the console after an incident was lived through: the case
// with its clocks, figures, timeline and documents, whose data it was, and the
// ledger, which holds. Argument: the link for the first account.
import assert from "node:assert/strict";
import { browser, enter, inspect, join, watch } from "./people.mjs";

const [link] = process.argv.slice(2);
const origin = new URL(link).origin;
const b = await browser();
const page = await (await b.newContext({ viewport: { width: 1280, height: 900 }, locale: "ja-JP" })).newPage();
page.setDefaultTimeout(120000); // a busy machine
const said = watch(page);
await enter(page, origin, "sora", await join(page, link, "sora"));

await page.goto(origin + "/cases?closed=1");
const cases = await page.locator('main td a[href^="/cases/"], main th a[href^="/cases/"]').evaluateAll((all) => [...new Set(all.map((a) => a.getAttribute("href")))]);
assert.ok(cases.length > 0, "no case came of it");
const findings = [];
for (const path of cases) {
  await page.goto(origin + path);
  assert.ok((await page.locator(".timeline > *").count()) > 3, `${path} has no timeline`);
  assert.equal(await page.locator("text=/!\\w+!/").count(), 0, `${path} misses a text`);
  findings.push(...(await inspect(page)).map((f) => `${path}: ${f}`));
}
await page.goto(origin + cases[cases.length - 1]); // the first one
const documents = await page.locator('a[href*="/draft/"]').evaluateAll((all) => [...new Set(all.map((a) => a.getAttribute("href")))]);
assert.ok(documents.length > 0, "the case has no documents");
for (const path of documents) {
  await page.goto(origin + path);
  assert.ok((await page.locator(".paper dd").count()) > 0, `${path} is empty`);
}
console.log(`done: ${cases.length} cases, ${documents.length} documents of the first`);

await page.goto(origin + "/scope?ask=1");
await page.locator("#h-answer").waitFor();
assert.equal(await page.locator(".answer .figure-n").count(), 3);
await page.locator("#h-coverage").waitFor();
findings.push(...(await inspect(page)).map((f) => `/scope: ${f}`));
await page.goto(origin + "/events");
assert.ok((await page.locator("main tbody tr").count()) > 0, "no events");
await page.goto(origin + "/ledger");
await page.click('form[action="/ledger/verify"] button');
await page.locator(".check-ok").waitFor();
console.log("done: whose data it was; the ledger holds");

assert.deepEqual(findings, [], "axe-core");
assert.deepEqual(said, [], "errors in the browser");
await b.close();
console.log("done: no error in any page");
